"""The runtime loads NumPy, ONNX Runtime and tokenizers and no other package, under both of its names."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from exports import Pair, Translators

ROOT = Path(__file__).resolve().parent.parent.parent
ALLOWED = {"numpy", "onnxruntime", "tokenizers"}


def distribution(place: Path) -> Path:
    """The package as its wheel lays it out."""
    with (ROOT / "runtime" / "pyproject.toml").open("rb") as file:
        include = tomllib.load(file)["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    for source, target in include.items():
        (place / target).parent.mkdir(parents=True, exist_ok=True)
        (place / target).symlink_to((ROOT / "runtime" / source).resolve())
    return place


def test_imports(tmp_path: Path) -> None:
    files = [path for path in distribution(tmp_path).rglob("*.py") if "__pycache__" not in path.parts]
    files += [
        path for folder in (tmp_path / "rnnzoo_runtime").iterdir() if folder.is_dir() for path in folder.glob("*.py")
    ]
    assert len(files) > 25
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            for name in names:
                top = name.partition(".")[0]
                assert top in ALLOWED or top in sys.stdlib_module_names, f"{path} imports {name}"


CODE = """
import sys
class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "rnnzoo", "lightning", "onnx", "safetensors"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Nothing())
import rnnzoo_runtime
from rnnzoo_runtime.__main__ import main
code = main(sys.argv[1:])
assert not {"torch", "rnnzoo", "scipy", "sympy"} & sys.modules.keys()
sys.exit(code)
"""


def run(place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(place)}
    return subprocess.run(
        [sys.executable, "-X", "utf8", "-c", CODE, *words], env=environment, capture_output=True, encoding="utf-8"
    )


def test_command(tmp_path: Path, pair: Pair, translators: Translators) -> None:
    place = distribution(tmp_path)
    done = run(place, str(pair.folder), "--prompt", "abc", "--seed", "3", "--max-new-tokens", "50")
    expected = pair.model.generate("abc", temperature=0.8, seed=3, max_new_tokens=50)[0]
    assert (done.returncode, done.stdout) == (0, f"abc{expected}\n"), done.stderr
    done = run(place, str(translators.folder), "abc, de.", "fg")
    expected_lines = translators.model.translate(["abc, de.", "fg"])
    assert (done.returncode, done.stdout.splitlines()) == (0, expected_lines), done.stderr


@pytest.mark.parametrize(("words", "message"), [(["missing"], "no such folder"), (["FOLDER", "--top-p", "7"], "top_p")])
def test_errors_are_one_line(tmp_path: Path, pair: Pair, words: list[str], message: str) -> None:
    done = run(distribution(tmp_path), *(str(pair.folder) if word == "FOLDER" else word for word in words))
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
