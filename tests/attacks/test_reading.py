"""Whatever reads files that somebody else wrote opens them through `rnnzoo.opening`."""

import ast
from pathlib import Path

import rnnzoo

PACKAGE = Path(rnnzoo.__file__).parent
OURS = {
    "cli/recipes.py": "writes a new file",
    "inference/graphs/onnx.py": "a temporary file of its own",
    "page/bundle.py": "files of the package",
    "runtime/__main__.py": "a stream that the user names",
    "studies/comparison/one.py": "/proc",
    "system.py": "/proc",
    "training/history.py": "looks at the kind of file first",
    "zoo/private.py": "passes over what is no file",
    "zoo/publish.py": "an entry that was checked",
    "zoo/push.py": "an entry that was checked",
}
"""Files that read a whole file by its path, and why they may."""


def test_only_the_opening_reads_a_file_by_its_path() -> None:
    """``read_text`` of a folder's ``config.json`` that leads to ``/dev/full`` never ends."""
    found = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                whole = node.func.attr in ("read_text", "read_bytes") and not _is_module(node.func.value)
                if whole:
                    found.add(path.relative_to(PACKAGE).as_posix())
    assert found <= OURS.keys(), "read it with rnnzoo.files.read_utf8, or say why not"


def _is_module(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("plain_text", "text")
