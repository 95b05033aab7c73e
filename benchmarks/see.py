"""The pictures of docs/see.md and README: the playground's pages as a browser shows them, and figures of `rnnzoo.plot`.

    make playground
    python -m benchmarks.see                    # docs/images/see-*
    python -m benchmarks.see --every FOLDER     # every view, at 390 and 1280 pixels, light and dark, for looking at

Needs playwright (the extra ``look``) and a Chromium; ``CHROMIUM`` names another one than that on the PATH.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import matplotlib
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

import rnnzoo

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
PLAYGROUND = ROOT / "docs" / "_build" / "site" / "playground"
CELLS = ("rnn", "lstm", "gru")
TEXT = "ROMEO:\nI pray thee, speak to me once more.\n"
SENTENCE = "My brother doesn't like to swim."
COLOURS = 96  # of a picture's palette: few are on a page
MODES = ("surprisal", "unit", "gate", "memory")


def opened(page: Page, name: str) -> None:
    """Opens a page of the playground and waits until its models stand ready and have read their text."""
    page.goto((PLAYGROUND / f"{name}.html").as_uri())
    page.wait_for_selector("html[data-ready=true]", state="attached")
    settled(page)


def settled(page: Page) -> None:
    """Waits until nothing on the page changes any more."""
    page.evaluate(
        """() => new Promise((done) => {
          let timer
          const watch = new MutationObserver(() => wait())
          const wait = () => (clearTimeout(timer), timer = setTimeout(() => (watch.disconnect(), done()), 1500))
          watch.observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true })
          wait()
        })"""
    )


def views(page: Page, name: str) -> Iterator[str]:
    """Brings the views of a page up, one after the other."""
    opened(page, name)
    if not page.query_selector(".reading"):
        yield "translation"
        return
    for mode in MODES:
        page.click(f"input[value={mode}]")
        settled(page)
        if mode == "memory":
            page.locator(".reading").first.locator("span").nth(120).click()
        settled(page)
        yield mode


def saved(picture: bytes, path: Path) -> None:
    """A PNG with a palette."""
    small = Image.open(io.BytesIO(picture)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    small.save(path, optimize=True)
    print(f"{path}: {path.stat().st_size:,} bytes")


def shots(browser: Browser) -> None:
    """Of each page of the playground what it is for."""
    page = browser.new_page(viewport={"width": 1180, "height": 900})
    opened(page, "char-best")
    page.fill("#text", TEXT + "JULIET:\nThou knowest the mask of night is on my face,\nElse would a maiden blush b")
    page.click("input[value=unit]")
    settled(page)
    saved(page.screenshot(full_page=True), IMAGES / "see-unit.png")
    opened(page, "rnn-lstm-gru")
    page.click("input[value=memory]")
    settled(page)
    page.locator("button:has-text('Average')").first.click()
    settled(page)
    saved(page.locator("section[aria-labelledby=inside-title]").screenshot(), IMAGES / "see-memory.png")
    opened(page, "tatoeba-en-fr")
    page.fill("#text", SENTENCE)
    settled(page)
    page.locator("button.word", has_text="nager").hover()
    page.evaluate("document.activeElement.blur()")
    settled(page)
    saved(page.screenshot(full_page=True), IMAGES / "see-attention.png")
    page.close()


def figures() -> None:
    """What `rnnzoo.plot` draws of `trace`."""
    matplotlib.rcParams["svg.hashsalt"] = "rnnzoo"  # the same file each time
    found = {cell: rnnzoo.load(f"char-{cell}.tinyshakespeare").trace(TEXT) for cell in CELLS}
    rnnzoo.plot.surprisal(found["lstm"]).savefig(IMAGES / "see-surprisal.svg", metadata={"Date": None})
    drawn = rnnzoo.plot.influence(*found.values(), labels=CELLS)
    drawn.savefig(IMAGES / "see-influence.svg", metadata={"Date": None})


def every(browser: Browser, folder: Path) -> None:
    """Every view of every page, whole."""
    folder.mkdir(parents=True, exist_ok=True)
    for width in (390, 1280):
        for scheme in ("light", "dark"):
            page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            for path in sorted(PLAYGROUND.glob("*.html")):
                for view in views(page, path.stem):
                    saved(page.screenshot(full_page=True), folder / f"{path.stem}-{view}-{width}-{scheme}.png")
                    if page.evaluate("document.scrollingElement.scrollWidth > window.innerWidth"):
                        print(f"{path.stem}, {view}: wider than {width} pixels")
            page.close()


def main() -> int:
    """Draws; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.see", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--every", type=Path, metavar="FOLDER", help="pictures of every view")
    options = parser.parse_args()
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium or not list(PLAYGROUND.glob("*.html")):
        print("no pages: make playground" if chromium else "no Chromium: apt-get install chromium", file=sys.stderr)
        return 2
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        if options.every:
            every(browser, options.every)
        else:
            shots(browser)
        browser.close()
    if not options.every:
        figures()
    return 0


if __name__ == "__main__":
    sys.exit(main())
