"""The page's scripts in Node, which has the same language and the same WebAssembly as a browser."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
ASSETS = HERE.parent.parent / "rnnzoo" / "page" / "assets"


def node(script: str, *arguments: object) -> Any:
    """What a script of this folder prints as JSON; skips where there is no Node, or one without what pages use."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("Node is not installed")
    version = subprocess.run([program, "--version"], capture_output=True, encoding="utf-8", check=True).stdout
    if int(version.lstrip("v").split(".")[0]) < 20:
        pytest.skip(f"Node {version.strip()} is older than what pages use: 20 is needed")
    words = [program, str(HERE / script), *map(str, arguments)]
    done = subprocess.run(words, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def python(*words: object) -> str:
    """What Python prints in a process of its own: conftest's shape checks cannot be traced."""
    folders = [HERE.parent.parent, HERE.parent, HERE.parent / "export", HERE]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders)), "OMP_NUM_THREADS": "1"}
    words = (sys.executable, "-X", "utf8", *map(str, words))
    done = subprocess.run(words, env=environment, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
