"""Opens every page of the built site in a headless Chromium, narrow and wide, and says which ones are too wide.

    make docs-look                                  # builds the site, then this
    python docs/look.py --shots index zoo           # pictures of these pages, too, light and dark, in docs/_build/look

A page is too wide where one has to scroll sideways to see all of it: its scrollWidth is more than the window's. Tables
and code may scroll in a frame of their own. Needs playwright (the extra ``look``) and a Chromium, Debian's for example;
``CHROMIUM`` names another one than that on the PATH.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

BUILD = Path(__file__).resolve().parent / "_build"
SITE = BUILD / "html"
WIDTHS = (1280, 390)
HEIGHT = 900
MEASURE = """() => {
  const wide = document.documentElement.clientWidth;
  const framed = (e) => {
    for (let up = e.parentElement; up; up = up.parentElement)
      if (["auto", "scroll", "hidden"].includes(getComputedStyle(up).overflowX)) return true;
    return false;
  };
  const out = [...document.querySelectorAll("article *")].filter(
    (e) => e.getBoundingClientRect().right > wide + 1 && !framed(e));
  const what = out.slice(0, 3).map((e) => e.tagName.toLowerCase() + ": " + e.textContent.trim().slice(0, 40));
  return { over: document.scrollingElement.scrollWidth - window.innerWidth, what };
}"""


def pages(names: list[str]) -> list[Path]:
    """The built pages of these names, all where none is given."""
    found = sorted(path for path in SITE.rglob("*.html") if "_static" not in path.parts)
    return [path for path in found if not names or path.relative_to(SITE).with_suffix("").as_posix() in names]


def measure(browser: Browser, found: list[Path]) -> list[str]:
    """A line for each page and width that is too wide."""
    faults = []
    for width in WIDTHS:
        page = browser.new_page(viewport={"width": width, "height": HEIGHT})
        errors: list[str] = []
        page.on("pageerror", lambda error, into=errors: into.append(str(error)))
        for path in found:
            page.goto(path.as_uri())
            result = page.evaluate(MEASURE)
            name = path.relative_to(SITE).as_posix()
            if result["over"] > 0 or result["what"]:
                faults.append(f"{name} at {width}: {result['over']} pixels too wide: {'; '.join(result['what'])}")
            faults += [f"{name} at {width}: {error}" for error in errors]
            errors.clear()
        page.close()
    return faults


def shoot(browser: Browser, found: list[Path], height: int) -> None:
    """Pictures of the pages, by width and colours."""
    for width in WIDTHS:
        for scheme in ("light", "dark"):
            page = browser.new_page(viewport={"width": width, "height": HEIGHT}, color_scheme=scheme)
            for path in found:
                page.goto(path.as_uri())
                name = path.relative_to(SITE).with_suffix("").as_posix().replace("/", "-")
                full = page.evaluate("document.documentElement.scrollHeight")
                page.set_viewport_size({"width": width, "height": min(height, full)})
                out = BUILD / "look" / f"{name}-{width}-{scheme}.png"
                page.screenshot(path=out)
                print(out.relative_to(BUILD.parent.parent))
            page.close()


def main(arguments: list[str] | None = None) -> int:
    """Measures, and takes pictures; returns the exit code: 1 where a page is too wide."""
    parser = argparse.ArgumentParser(prog="python docs/look.py", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="such as index or tour/05-hello; all unless said")
    parser.add_argument("--shots", action="store_true", help="also take pictures")
    parser.add_argument("--height", type=int, default=2400, help="of a picture at most, in pixels (2400)")
    options = parser.parse_args(arguments)
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    found = pages(options.pages)
    if not chromium or not found:
        print("no Chromium here: apt-get install chromium" if found else "no pages: make docs", file=sys.stderr)
        return 2
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        faults = measure(browser, found)
        if options.shots:
            shoot(browser, found, options.height)
        browser.close()
    print("\n".join(faults) or f"{len(found)} pages at {' and '.join(map(str, WIDTHS))} pixels: none too wide")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
