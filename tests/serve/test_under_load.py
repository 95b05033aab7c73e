"""`rnnzoo serve` loaded, killed, misused and stopped, as `python -m benchmarks.serve` does it."""

from __future__ import annotations

import signal

import httpx
import pytest
from exports import exported_language_model

from benchmarks import serve

pytestmark = pytest.mark.slow


def test_load_kill_and_nonsense(capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = exported_language_model(tmp_path_factory) / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serve, "PROMPT", "abc")
        words = ["--model", str(folder), "--clients", "200", "--requests", "5000", "--malformed", "300"]
        assert serve.main(words) == 0, capsys.readouterr().out
    said = capsys.readouterr().out
    assert "5000 requests of 40 tokens: 0 lost, 0 mixed up" in said
    assert "50 of 50 saved sessions" in said
    assert "300 of 300 are a 4xx" in said


def test_sigterm_lets_what_runs_end(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = exported_language_model(tmp_path_factory) / "out"
    asked = {"prompt": "abc", "max_tokens": 4000, "seed": 1, "stream": True}
    with serve.server(folder) as (base, process):
        with httpx.stream("POST", f"{base}/v1/completions", json=asked, timeout=300) as answer:
            lines = answer.iter_lines()
            assert next(lines).startswith("data: ")
            process.send_signal(signal.SIGTERM)
            rest = [line for line in lines if line]
        assert rest[-1] == "data: [DONE]"
        assert process.wait(60) in (0, -signal.SIGTERM)
