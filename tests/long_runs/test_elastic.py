"""Two machines' worth of torchrun on this one: a node is killed, another takes its place, and the run goes on."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import small_lm

LATEST = 300.0
"""Seconds after which something hangs, also on a busy machine."""


def agent(folder: Path, port: int, name: str) -> subprocess.Popen[bytes]:
    """torchrun of one node with one process, in a group of its own, as a user starts it on each machine."""
    torchrun = ["--nnodes", "2", "--nproc-per-node", "1", "--max-restarts", "3", "--rdzv-backend", "c10d"]
    torchrun += ["--rdzv-endpoint", f"127.0.0.1:{port}", "--local-addr", "127.0.0.1", "--rdzv-id", "1"]
    words = ["train", "char-lstm.own-text", "hardware/torchrun", "--continue", "--text", "text.txt"]
    small = ["--hidden_size", "4", "--embedding_dim", "4", "--streams", "6", "--chunk_len", "9", "--epochs", "12"]
    cpu = ["--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false"]
    with (folder / name).open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "torch.distributed.run", *torchrun, "-m", "rnnzoo", *words, *small, *cpu],
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=small_lm.environment(TORCH_DISABLE_SHARE_RDZV_TCP_STORE="1"),
        )


def wait_for(what: Callable[[], object], *agents: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + LATEST
    while not what():
        assert time.monotonic() < end, "nothing came"
        assert all(one.poll() is None for one in agents), "a node ended"
        time.sleep(0.2)


def kill(node: subprocess.Popen[bytes]) -> None:
    """The agent and its ranks, which have a session each: as when a machine loses its power."""
    ranks = Path(f"/proc/{node.pid}/task/{node.pid}/children").read_text().split()
    for pid in (node.pid, *map(int, ranks)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    node.wait()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="a node's processes are found in /proc")
def test_a_node_is_lost_and_replaced(tmp_path: Path) -> None:
    small_lm.write_text(tmp_path / "text.txt", 4000, "abcdefgh ,.T\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    nodes = [agent(tmp_path, port, "log.0")]
    try:
        wait_for(lambda: listens(port), *nodes)  # the first one is where they meet
        nodes.append(agent(tmp_path, port, "log.1"))
        wait_for(lambda: list(tmp_path.glob("runs/*/1/checkpoints/step-*.ckpt.sha256")), *nodes)
        kill(nodes.pop())
        nodes.append(agent(tmp_path, port, "log.2"))
        for node in nodes:
            assert node.wait(LATEST) == 0, (tmp_path / "log.0").read_text(errors="replace")[-3000:]
    finally:
        for node in nodes:
            if node.poll() is None:
                kill(node)
    (run,) = (tmp_path / "runs" / "char-lstm.own-text").iterdir()
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["hardware"]["devices"] == 2
    assert (metrics["training"]["epochs"], metrics["training"]["steps"]) == (12, 804)
    assert metrics["training"]["tokens"] == 43_200  # twelve times the text: each token once, by one of the ranks
    logs = "".join((tmp_path / f"log.{number}").read_text(errors="replace") for number in (0, 2))
    assert "another rank of this training has ended" in (tmp_path / "log.0").read_text(errors="replace")
    assert "fault of rnnzoo" not in logs
    steps = [json.loads(line).get("step") for line in (run / "history.jsonl").read_text().splitlines()]
    assert steps == sorted(steps)
