"""`rnnzoo serve` as a process, asked by the real `openai` client and by hand."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from exports import exported_language_model
from openai import OpenAI

from rnnzoo.runtime import LanguageModel


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, LanguageModel, subprocess.Popen[bytes]]]:
    """Where a server listens, and the model that it serves."""
    place = exported_language_model(tmp_path_factory)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["-m", "rnnzoo", "serve", f"small={place}/out", "--port", str(port), "--max-tokens", "200"]
    process = subprocess.Popen([sys.executable, *words], env={**os.environ, "OMP_NUM_THREADS": "1"})
    base = f"http://127.0.0.1:{port}"
    while process.poll() is None:
        try:
            urllib.request.urlopen(f"{base}/health")
            break
        except OSError:
            time.sleep(0.1)
    yield base, LanguageModel.open(place / "out"), process
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) in (0, -signal.SIGTERM)


def post(address: str, body: Any) -> tuple[int, Any]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(address, data=data, method="POST")) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_the_openai_client(served: Any) -> None:
    base, model, _ = served
    with OpenAI(base_url=f"{base}/v1", api_key="none", max_retries=0) as client:
        asked = {"model": "small", "prompt": "abc", "max_tokens": 50, "seed": 3, "temperature": 0.8}
        expected = model.generate("abc", max_new_tokens=50, seed=3, temperature=0.8)[0]
        answer = client.completions.create(**asked)
        assert (answer.choices[0].text, answer.choices[0].finish_reason) == (expected, "length")
        assert answer.usage.completion_tokens == 50
        with client.completions.create(**asked, stream=True) as pieces:
            assert "".join(piece.choices[0].text for piece in pieces) == expected
        assert client.models.list().data[0].id == "small"


def test_each_gets_its_own(served: Any) -> None:
    base, model, _ = served

    def ask(seed: int) -> str:
        return post(f"{base}/v1/completions", {"prompt": "ab", "max_tokens": 40, "seed": seed})[1]["choices"][0]["text"]

    with ThreadPoolExecutor(16) as threads:
        texts = list(threads.map(ask, range(48)))
    assert texts == [model.generate("ab", max_new_tokens=40, seed=seed)[0] for seed in range(48)]


def test_sessions_go_on_after_they_were_saved(served: Any) -> None:
    base, model, _ = served
    session = model.session(seed=5).feed("abc")
    name = post(f"{base}/sessions", {"seed": 5})[1]["id"]
    assert post(f"{base}/sessions/{name}", {"text": "abc", "max_tokens": 30})[1]["text"] == session.generate(30)[0]
    with urllib.request.urlopen(f"{base}/sessions/{name}") as answer:
        saved = json.load(answer)["saved"]
    other = post(f"{base}/sessions", {"saved": saved})[1]["id"]
    expected = session.generate(30)[0]
    assert [post(f"{base}/sessions/{one}", {"max_tokens": 30})[1]["text"] for one in (name, other)] == [expected] * 2


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/completions", b"{", 400),
        ("/v1/completions", b"\xff", 400),
        ("/v1/completions", [], 400),
        ("/v1/completions", {"prompt": 3}, 400),
        ("/v1/completions", {"prompt": "xyz"}, 400),
        ("/v1/completions", {"temperature": -1}, 400),
        ("/v1/completions", {"max_tokens": 201}, 400),
        ("/v1/completions", {"file": "/etc/passwd"}, 400),
        ("/v1/completions", {"stop": [""]}, 400),
        ("/v1/completions", {"model": "../small"}, 404),
        ("/v1/completions", b"x" * (1 << 19), 413),
        ("/score", {"text": ""}, 400),
        ("/translate", {"text": "a"}, 404),
        ("/sessions", {"saved": "no"}, 400),
        ("/sessions/none", {"text": "a"}, 404),
        ("/nothing", {}, 404),
    ],
)
def test_what_cannot_be_answered_is_one_line(served: Any, path: str, body: Any, status: int) -> None:
    code, answer = post(served[0] + path, body)
    assert code == status
    assert "\n" not in answer["error"]["message"]
