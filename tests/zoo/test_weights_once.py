"""The check of `make lint` that a weight file is not replaced for nothing."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from weights_once import replaced_in_vain


def commit(root: Path, weights: bytes, score: float, seconds: float) -> None:
    folder = root / "pretrained" / "char-x.y"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "metrics.json").write_text(json.dumps({"scores": {"test": score}, "training": {"seconds": seconds}}))
    author = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(root), "add", "-A"], check=True)
    subprocess.run(["git", "-C", str(root), *author, "commit", "-qm", "x"], check=True)


@pytest.mark.parametrize(
    ("weights", "score", "expected"), [(b"2", 1.0, ["char-x.y"]), (b"2", 0.9, []), (b"1", 1.0, [])]
)
def test_other_weights_need_another_score(tmp_path: Path, weights: bytes, score: float, expected: list[str]) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    commit(tmp_path, b"1", 1.0, 5.0)
    commit(tmp_path, weights, score, 6.0)
    assert replaced_in_vain("HEAD~1", "HEAD", tmp_path) == expected
    assert replaced_in_vain("HEAD~1", None, tmp_path) == expected
    assert replaced_in_vain("HEAD", None, tmp_path) == []


def test_nothing_to_compare_with(tmp_path: Path) -> None:
    assert replaced_in_vain("HEAD~1", "HEAD", tmp_path) == []
