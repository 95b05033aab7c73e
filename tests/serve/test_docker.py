"""The steps of the Dockerfile, without Docker: its first stage is carried out, and what comes of it serves."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from exports import exported_language_model

from benchmarks import serve

ROOT = Path(__file__).resolve().parent.parent.parent
LARGEST = 200 << 20
"""What may be added to python:3.12-slim, which is 120 MB."""


def steps() -> list[list[str]]:
    """The words of each instruction, by line."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    return [line.split(maxsplit=1) for line in text.splitlines() if line and not line.startswith("#")]


def test_the_image_runs_as_nobody_and_has_no_shell_in_its_entry() -> None:
    found = steps()
    names = [name for name, _ in found]
    assert names.count("FROM") == 2
    last = found[len(names) - names[::-1].index("FROM") :]
    assert ["USER", "rnnzoo"] in last
    entry = json.loads(next(words for name, words in last if name == "ENTRYPOINT"))
    assert entry[:2] == ["/app/bin/rnnzoo", "serve"]
    assert not any(name == "COPY" and "/src" in words for name, words in last)


@pytest.mark.slow
def test_what_the_first_stage_makes_serves(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    places = {"/src": str(ROOT), "/wheels": str(tmp_path / "wheels"), "/app": str(tmp_path / "app")}
    for name, words in steps():
        if name == "USER":
            break
        if name != "RUN" or words.startswith("useradd"):
            continue
        for inside, outside in places.items():
            words = re.sub(rf"(?<![\w/.]){inside}(?=[/\s]|$)", outside, words)
        words = re.sub(r"^python ", f"{shlex.quote(sys.executable)} ", words)
        done = subprocess.run(["bash", "-c", words], capture_output=True, encoding="utf-8", check=False)
        if done.returncode and ("No matching distribution" in done.stderr or "Connection" in done.stderr):
            pytest.skip(f"no package index here: {done.stderr.splitlines()[-1]}")
        assert done.returncode == 0, done.stderr
    size = sum(path.stat().st_size for path in (tmp_path / "app").rglob("*") if path.is_file())
    assert size < LARGEST
    assert not list((tmp_path / "app").rglob("site-packages/torch"))
    folder = exported_language_model(tmp_path_factory) / "out"
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    with serve.server(folder, [str(tmp_path / "app/bin/rnnzoo")], environment) as (base, process):
        assert process.poll() is None
        body = json.dumps({"prompt": "abc", "max_tokens": 5}).encode()
        with urllib.request.urlopen(urllib.request.Request(f"{base}/v1/completions", data=body)) as answer:
            assert answer.status == 200
