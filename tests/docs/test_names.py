"""Every name that README, the docs or a recipe speaks of is there; everyday ones are in the package itself."""

from __future__ import annotations

import ast
import importlib
import re
import textwrap
from pathlib import Path

import pytest

import rnnzoo

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md"), *ROOT.glob("docs/*/*.md")])
INSIDE = {"architecture.md", "CONTRIBUTING.md"}
"""Pages for those who work on the package: they also name classes that are found only where they are defined."""


def pages() -> list[Path]:
    return [page for page in PAGES if "_generated" not in page.parts]


def label(page: Path) -> str:
    return str(page.relative_to(ROOT))


def resolve(dotted: str) -> object:
    """What ``rnnzoo.a.b`` is: as much of it as is a module, and attributes from there."""
    parts = dotted.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError as error:
            if not str(error.name).startswith("rnnzoo"):
                raise
            continue
        for name in parts[count:]:
            found = getattr(found, name)
        return found
    raise AssertionError(dotted)


def code_blocks(text: str) -> list[str]:
    return [textwrap.dedent(block) for block in re.findall(r"^ *```(?:python|py)\n(.*?)^ *```", text, re.M | re.S)]


def imported(text: str) -> set[str]:
    """The dotted names that the page's Python imports from the package."""
    names: set[str] = set()
    for block in code_blocks(text):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.split(".")[0] == "rnnzoo"}


def spoken(text: str) -> set[str]:
    """Dotted names anywhere in the text; not file names such as ``rnnzoo.yaml``, nor folders."""
    return set(re.findall(r"(?<![\w./-])rnnzoo(?:\.[A-Za-z_]\w*)+(?![\w/-]|\.\w)", text))


@pytest.mark.parametrize("page", pages(), ids=label)
def test_names_of_a_page(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for name in sorted(imported(text) | spoken(text)):
        if not name.startswith("rnnzoo.integrations."):  # needs an extra; tests/integrations/test_pages.py has them
            resolve(name)
    classes = set(re.findall(r"`([A-Z][a-z]\w*[A-Z0-9]\w*|Translator|Cell)(?:\.\w+)?(?:\(.*?\))?`", text))
    ours = {name for name in classes if any(hasattr(resolve(f"rnnzoo.{p}"), name) for p in sorted(rnnzoo._PACKAGES))}
    said_where = {name.rpartition(".")[2] for name in imported(text) | spoken(text)}
    if page.name not in INSIDE:
        assert ours <= set(rnnzoo.__all__) | said_where


def test_the_pages_name_something() -> None:
    assert len(pages()) > 25
    together = "".join(page.read_text(encoding="utf-8") for page in pages())
    assert len(imported(together)) > 15
    assert len(spoken(together)) > 15


def test_the_index_has_every_public_name() -> None:
    index = (ROOT / "docs/api/index.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`rnnzoo\.(\w+)`", index)) == set(rnnzoo.__all__) - {"__version__"}


def test_names_of_recipes() -> None:
    texts = [path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("recipes/*/*.yaml"))]
    assert len(texts) > 20
    for name in {name for text in texts for name in re.findall(r"class_path: *(rnnzoo[\w.]*)", text)}:
        resolve(name)
