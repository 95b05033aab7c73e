"""docs/tour, run: what a page shows is what its code and its command give."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.tour.__main__ import DOCS, PAGES, made, main
from benchmarks.tour.page import FENCE, filled, run
from rnnzoo.errors import UserError

NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?![\w.])")
NAME = re.compile(r"\b[a-z][0-9a-f]{10}\b")
"""A clipping path or marker in an SVG: a hash of all the digits of its coordinates, those that are not written too."""
SLOW = ("03-memory", "05-hello", "06-temperature", "07-invented-words", "08-word-vectors", "09-attention")
CORPORA = {"07-invented-words": "tinyshakespeare/input.txt"}


def alike(shown: str, found: str, slack: float) -> None:
    """The same texts; numbers may differ by `slack` units of the last place that is shown.

    Another processor adds in another order, and what lies on the edge is then rounded the other way.
    """
    assert NUMBER.sub("#", shown) == NUMBER.sub("#", found)
    for old, new in zip(NUMBER.findall(shown), NUMBER.findall(found), strict=True):
        mantissa, _, exponent = old.partition("e")
        unit = 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
        assert abs(float(old) - float(new)) <= 1.001 * slack * unit, f"{old} is now {new}"


@pytest.mark.parametrize("page", [pytest.param(p, marks=[pytest.mark.slow] * (p in SLOW)) for p in PAGES])
def test_a_page_shows_what_comes_out(page: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if page in CORPORA:
        request.getfixturevalue("corpus_path")(CORPORA[page])
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    alike(text, made(page, tmp_path), slack=1)
    drawn = {path.name for path in tmp_path.iterdir()}
    assert drawn == set(re.findall(r"\(images/(.*?)\)", text))
    for name in drawn:  # coordinates have six places, of which three are seen
        shown, found = (NAME.sub("name", (folder / name).read_text()) for folder in (DOCS / "images", tmp_path))
        alike(shown, found, slack=1000)


def test_the_pages_are_whole() -> None:
    """Each has its claim, its exercises, and the command that makes it; the index and the pictures are complete."""
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    assert re.findall(r":hidden:\s+(.*?)\s+```", index, re.DOTALL)[0].split() == PAGES
    assert len(PAGES) == 10
    used = set()
    for page in PAGES:
        text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
        title = text.split("\n")[0].removeprefix("# ")
        assert f"[{title}]({page}.md)" in index
        assert re.match(r"# .+\n\n> \w", text)
        for part in ("## What it ", "## Try it", f"*Made by `python -m benchmarks.tour {page}`"):
            assert text.count(part) == 1, f"{page}: {part}"
        assert any(kind == "python" and shown for kind, _, shown in FENCE.findall(text)), page
        for picture in re.findall(r"!\[.+?\]\((.+?)\)", text):
            assert (DOCS / picture).is_file(), f"{page}: {picture}"
            used.add(picture)
    images = list((DOCS / "images").iterdir())
    assert {f"images/{path.name}" for path in images} <= used
    assert sum(path.stat().st_size for path in images) < 1_000_000


def test_the_index_quotes_what_the_pages_print() -> None:
    """Words and numbers in the table of the tour stand in the output of the page that they are about."""
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    words = (DOCS / "08-word-vectors.md").read_text(encoding="utf-8")
    row = next(line for line in index.splitlines() if "(08-word-vectors.md)" in line)
    near, far = re.findall(r"\*(\w+)\*", row)[1:3]
    assert re.search(rf"^rose +{near} ", words, re.MULTILINE)
    assert f"king - man + woman = {far}\n" in words
    assert re.search(rf"as \*{far}\* ", words)
    assert "hello   " in (DOCS / "05-hello.md").read_text(encoding="utf-8")


def test_code_is_run_and_what_it_printed_takes_its_place() -> None:
    page = (
        "a\n\n```python\nx = 2\n```\n\n```python\nprint(x + 1)\n```\n\n```text\nold\n```\n\n```sh\nrnnzoo --no\n```\n"
    )
    text, names = run(page, "page.md")
    assert text == page.replace("old", "3")
    assert names["x"] == 2
    shown, _ = run("```sh\nrnnzoo recipes ls\n```\n\n```text\n```\n", "page.md")
    assert "char-lstm.tinyshakespeare" in shown


def test_what_is_wrong_on_a_page_is_said() -> None:
    with pytest.raises(UserError, match=r"page\.md, line 3: this prints"):
        run("\n```python\nprint(1)\n```\n", "page.md")
    with pytest.raises(UserError, match=r"page\.md, line 2: `echo x` cannot be run"):
        run("```sh\necho x\n```\n\n```text\n```\n", "page.md")
    with pytest.raises(UserError, match="needs the places a, b"):
        filled("<!-- benchmarks.tour a: begin -->\n<!-- benchmarks.tour a: end -->", {"a": "", "b": ""}, "page.md")
    with pytest.raises(AssertionError, match=r"1\.50 is now 1\.52"):
        alike("loss 1.50", "loss 1.52", slack=1)
    alike("loss 1.50, 2e-03", "loss 1.51, 3e-03", slack=1)
    with pytest.raises(SystemExit):
        main(["11-nowhere"])
