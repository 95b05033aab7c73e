"""`rnnzoo serve` under load, killed, and asked for nonsense; on loopback, with every answer held to what it has to be.

    python -m benchmarks.serve
    python -m benchmarks.serve --clients 20 --requests 200 --malformed 50    # whether it runs

1. Clients ask for completions, each request with a seed of its own. None may be lost, and each answer has to be the
   text of its seed, which the model writes here by itself.
2. Sessions are begun and saved; the server is killed with SIGKILL and started again; each session, restored, has to go
   on as it would have.
3. Malformed requests: each answer has to be a 4xx of one line, and the server may not take 32 MiB more memory for them.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from rnnzoo import load
from rnnzoo.runtime import LanguageModel
from rnnzoo.runtime.sampling import SamplingConfig
from rnnzoo.zoo.export_folder import export_folder

PROMPT, TOKENS, TEMPERATURE = "The ", 40, 0.8
PATHS = ("/v1/completions", "/score", "/sessions", "/translate", "/sessions/none", "/nothing")


@contextmanager
def server(
    folder: Path, command: Sequence[str] = (sys.executable, "-m", "rnnzoo"), environment: Mapping[str, str] = os.environ
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """One that has begun to answer, and its process; ends with it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [*command, "serve", f"model={folder}", "--port", str(port), "--timeout", "300"]
    process = subprocess.Popen(words, env={**environment, "OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL)
    base = f"http://127.0.0.1:{port}"
    try:
        while process.poll() is None:
            try:
                httpx.get(f"{base}/health", timeout=60)
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield base, process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait()


def texts(model: LanguageModel, count: int) -> list[str]:
    """What seeds 0, 1, ... say after the prompt."""
    pool = model.pool(count)
    for seed in range(count):
        pool.add(model.session(seed=seed).feed(PROMPT))
    written = pool.write(TOKENS, SamplingConfig(TEMPERATURE))
    return [model.tokenizer.decode(ids) for ids in written.T.tolist()]


async def answers(base: str, clients: int, requests: int) -> tuple[list[str | None], list[float]]:
    """The text of each seed, None where no answer came, and the seconds that each took."""
    found: list[str | None] = [None] * requests
    seconds, left = [0.0] * requests, iter(range(requests))
    limits = httpx.Limits(max_connections=clients, max_keepalive_connections=clients)

    async def client(http: httpx.AsyncClient) -> None:
        for seed in left:
            asked = {"prompt": PROMPT, "max_tokens": TOKENS, "seed": seed, "temperature": TEMPERATURE}
            began = time.perf_counter()
            answer = await http.post("/v1/completions", json=asked)
            seconds[seed] = time.perf_counter() - began
            if answer.status_code == 200:
                found[seed] = answer.json()["choices"][0]["text"]

    async with httpx.AsyncClient(base_url=base, limits=limits, timeout=300) as http:
        await asyncio.gather(*(client(http) for _ in range(clients)))
    return found, seconds


def under_load(folder: Path, model: LanguageModel, clients: int, requests: int) -> bool:
    """Whether no request is lost, and none has another's answer."""
    expected = texts(model, requests)
    with server(folder) as (base, _):
        began = time.perf_counter()
        found, seconds = asyncio.run(answers(base, clients, requests))
        took = time.perf_counter() - began
    lost = sum(text is None for text in found)
    mixed = sum(text is not None and text != right for text, right in zip(found, expected, strict=True))
    ranks = statistics.quantiles(seconds, n=100)
    print(
        f"load: {clients} clients, {requests} requests of {TOKENS} tokens: {lost} lost, {mixed} mixed up; "
        f"p50 {ranks[49]:.2f} s, p99 {ranks[98]:.2f} s, {requests / took:.0f} requests/s"
    )
    return lost == mixed == 0


def killed(folder: Path, model: LanguageModel, count: int = 50) -> bool:
    """Whether sessions that were saved go on after the server was killed."""
    sessions = [model.session(seed=seed).feed(PROMPT) for seed in range(count)]
    saved = []
    with server(folder) as (base, process), httpx.Client(base_url=base, timeout=300) as http:
        for seed, session in enumerate(sessions):
            name = http.post("/sessions", json={"seed": seed}).json()["id"]
            http.post(f"/sessions/{name}", json={"text": PROMPT, "max_tokens": TOKENS})
            session.generate(TOKENS)
            saved.append(http.get(f"/sessions/{name}").json()["saved"])
        process.kill()
        process.wait()
    same = 0
    with server(folder) as (base, _), httpx.Client(base_url=base, timeout=300) as http:
        for session, data in zip(sessions, saved, strict=True):
            name = http.post("/sessions", json={"saved": data}).json()["id"]
            text = http.post(f"/sessions/{name}", json={"max_tokens": TOKENS}).json()["text"]
            after = http.get(f"/sessions/{name}").json()["saved"]
            same += text == session.generate(TOKENS)[0] and base64.b64decode(after) == session.save()
    print(f"kill -9 and restart: {same} of {count} saved sessions go on to the digit")
    return same == count


def malformed(draw: random.Random) -> tuple[str, str, bytes]:
    """A request that no server could answer: method, path, body."""
    path = draw.choice(PATHS)
    wrong: list[Any] = [
        {"prompt": draw.randint(-9, 9)},
        {"prompt": ["a"] * draw.randint(1, 9), "text": []},
        {"temperature": draw.choice([-1, 1e9, "hot", [], True])},
        {"max_tokens": draw.choice([-1, 10**9, 1.5, "ten", {}])},
        {"top_p": draw.choice([-0.1, 1.1, "x"])},
        {"seed": draw.choice([-1, 2**70, 0.5])},
        {"stop": draw.choice(["", [""], [1], 7, ["a"] * 99])},
        {"model": draw.choice(["../model", "/etc/passwd", "model\u0000", 3])},
        {f"field{draw.randint(0, 99)}": 1},
        {"saved": draw.choice(["%%%", "AAAA", 5, base64.b64encode(draw.randbytes(200)).decode()])},
        {"text": "\ud800", "prompt": "\ud800"},
        [],
        draw.random(),
    ]
    bodies = [
        draw.randbytes(draw.randint(1, 400)),
        b"{",
        b"[" * 100_000,
        b'{"prompt": NaN}',
        b'{"max_tokens": ' + b"9" * 5000 + b"}",
        b"x" * (1 << 19),
        *(json.dumps(one).encode() for one in wrong),
    ]
    method = draw.choice(["POST"] * 9 + ["PUT"])
    return method, path, draw.choice(bodies)


def asked_for_nonsense(folder: Path, count: int) -> bool:
    """Whether each answer is a 4xx of one line, and the memory stays what it was."""
    draw, wrong = random.Random(1), []
    with server(folder) as (base, process), httpx.Client(base_url=base, timeout=300) as http:
        for number in range(count):
            if number == count // 4:
                before = resident(process.pid)
            method, path, body = malformed(draw)
            answer = http.request(method, path, content=body)
            line = answer.json()["error"]["message"] if 400 <= answer.status_code < 500 else "\n"
            if "\n" in line or not line:
                wrong.append((method, path, body[:80], answer.status_code))
        grown = resident(process.pid) - before
        alive = http.get("/health").status_code == 200
    print(f"malformed: {count - len(wrong)} of {count} are a 4xx of one line; memory +{grown / 2**20:.1f} MiB")
    for one in wrong[:5]:
        print("  not refused:", *one)
    return not wrong and alive and grown < 32 << 20


def resident(process: int) -> int:
    """Bytes in memory."""
    status = Path(f"/proc/{process}/status").read_text()
    return next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmRSS"))


def main(arguments: list[str] | None = None) -> int:
    """Prints a line for each; returns the exit code: 1 where one is not what it has to be."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serve", description=__doc__)
    parser.add_argument(
        "--model", default="char-rnn.tinyshakespeare", help="a language model, or a folder of an export"
    )
    parser.add_argument("--clients", type=int, default=200, help="(200)")
    parser.add_argument("--requests", type=int, default=5000, help="(5000)")
    parser.add_argument("--malformed", type=int, default=300, help="(300)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(options.model)
        if not (folder / "meta.json").is_file():
            folder = Path(temporary) / "model"
            export_folder(load(options.model), folder)  # type: ignore[arg-type]
        model = LanguageModel.open(folder)
        right = [
            under_load(folder, model, options.clients, options.requests),
            killed(folder, model),
            asked_for_nonsense(folder, options.malformed),
        ]
    return 0 if all(right) else 1


if __name__ == "__main__":
    sys.exit(main())
