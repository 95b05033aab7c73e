"""`rnnzoo generate` with graphs that were made before: the same text, and PyTorch is never imported."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from exports import Pair

from rnnzoo.cli.cached_graph import _place

CODE = """
import sys
from rnnzoo.cli import main
code = main(sys.argv[1:])
assert "torch" not in sys.modules, "torch was imported"
sys.exit(code)
"""


def test_same_text_and_no_torch(pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RNNZOO_CACHE", str(tmp_path))
    place = _place(pair.folder.parent / "model")
    assert place is not None
    assert place.is_relative_to(tmp_path)
    shutil.copytree(pair.folder, place)
    words = ["generate", str(pair.folder.parent / "model"), "--prompt", "abc", "--seed", "4", "--max-new-tokens", "60"]
    done = subprocess.run([sys.executable, "-X", "utf8", "-c", CODE, *words], capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    expected = pair.model.generate("abc", temperature=0.8, seed=4, max_new_tokens=60)[0]
    assert done.stdout.rstrip("\n") == f"abc{expected}".rstrip("\n")
