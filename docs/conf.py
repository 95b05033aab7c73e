"""Sphinx configuration; also writes the API pages, one for each package, from what lies in the package."""

from __future__ import annotations

import pathlib
import re

import rnnzoo
from rnnzoo.ranges import Range

ROOT = pathlib.Path(__file__).resolve().parent
PACKAGE = ROOT.parent / "rnnzoo"
EXTRAS = (
    "rnnzoo.integrations"  # its modules need packages that the docs do without; docs/integrations says what they do
)
GENERATED = ROOT / "api" / "_generated"
CODE = re.compile(r"(?<![`:])(`{1,2})([^`]+)\1(?![`_])(\w?)")

project = "rnnzoo"
author = "the rnnzoo authors"
copyright = "the rnnzoo authors"
version = release = rnnzoo.__version__

# `LanguageModel` is a class of rnnzoo.models and one of rnnzoo.runtime: an ambiguous name, of which Sphinx links one.
suppress_warnings = ["ref.python"]
extensions = ["myst_nb", "sphinx_design", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # tests/docs/test_notebooks.py runs them
exclude_patterns = ["_build", "images", "comparison"]

html_theme = "furo"
html_title = f"rnnzoo {release}"
html_static_path = ["_static"]
html_extra_path = ["_build/site"] if (ROOT / "_build" / "site").exists() else []  # what `make playground` built
html_css_files = ["site.css"]
html_js_files = [("zoo.js", {"defer": "defer"})]
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#1f5fa8", "color-brand-content": "#1f5fa8"},
    "dark_css_variables": {"color-brand-primary": "#7db4ef", "color-brand-content": "#7db4ef"},
}

autodoc_default_options = {"members": True, "show-inheritance": True, "no-value": True}
autodoc_inherit_docstrings = False  # else torch's and lightning's docstrings appear as ours
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints = "signature"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False


def write_api_pages() -> None:
    """One page for each package: its docstring, then each public module in it; a new file needs no entry here."""
    GENERATED.mkdir(parents=True, exist_ok=True)
    pages = {f"rnnzoo.{path.parent.name}": path.parent for path in sorted(PACKAGE.glob("[a-z]*/__init__.py"))}
    pages |= {f"rnnzoo.{path.stem}": path for path in sorted(PACKAGE.glob("[a-z]*.py"))}
    for name, path in pages.items():
        lines = [f"# {name}", "", "```{eval-rst}", f".. automodule:: {name}"]
        if path.is_dir():
            lines += ["   :no-members:", "```", ""]
            for module in sorted(path.glob("[a-z]*.py")) if name != EXTRAS else ():
                full = f"{name}.{module.stem}"
                lines += [f"## {full}", "", "```{eval-rst}", f".. automodule:: {full}", "```", ""]
        else:
            lines += ["```", ""]
        _write_if_changed(GENERATED / f"{name}.md", "\n".join(lines))
    for stale in set(GENERATED.glob("*.md")) - {GENERATED / f"{name}.md" for name in pages}:
        stale.unlink()


def _write_if_changed(path: pathlib.Path, text: str) -> None:
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def markdown_to_rst(app: object, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """What docstrings have of Markdown, as reStructuredText, which autodoc reads: code, tables, indented equations."""
    result: list[str] = []
    index = 0
    while index < len(lines):
        if lines[index].startswith("|") and index + 1 < len(lines) and re.fullmatch(r"[|\-: ]+", lines[index + 1]):
            result += [".. list-table::", "   :header-rows: 1", ""]
            header = index
            while index < len(lines) and lines[index].startswith("|"):
                if index != header + 1:
                    cells = [cell.strip() for cell in lines[index].strip().strip("|").split("|")]
                    result += [f"   {'*' if column == 0 else ' '} - {cell}" for column, cell in enumerate(cells)]
                index += 1
            continue
        if what == "module" and lines[index].startswith("    ") and len(result) > 1 and not result[-1]:
            before = result[-2]
            if before and not before.startswith(" ") and not before.endswith("::"):
                result += ["::", ""]
        result.append(CODE.sub(lambda m: f"``{m[2]}``" + (f"\\ {m[3]}" if m[3] else ""), lines[index]))
        index += 1
    lines[:] = result


def skip_tuple_fields(app: object, what: str, name: str, obj: object, skip: bool, options: object) -> bool | None:
    """A NamedTuple's fields are in its own docstring."""
    return True if str(getattr(obj, "__doc__", "")).startswith("Alias for field number") else None


def setup(app: object) -> None:
    Range.__repr__ = lambda self: repr(self.text)  # type: ignore[method-assign]  # Sphinx parses signatures as Python
    write_api_pages()
    app.connect("autodoc-skip-member", skip_tuple_fields)  # type: ignore[attr-defined]
    app.connect("autodoc-process-docstring", markdown_to_rst)  # type: ignore[attr-defined]
