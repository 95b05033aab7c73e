"""The browsers of this machine, alike to a test: open a file, evaluate a script."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import pytest

READY = """new Promise((done) => {
  const look = () => document.documentElement.dataset.ready ? done(document.documentElement.dataset.ready)
    : setTimeout(look, 20)
  look()
})"""


class Browser(Protocol):
    def open(self, path: Path) -> None: ...

    def evaluate(self, script: str) -> Any: ...


class Chromium:
    """A page of Playwright's; `faults` are the errors that its scripts have thrown."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.faults: list[str] = []
        page.on("pageerror", lambda error: self.faults.append(str(error)))

    def open(self, path: Path) -> None:
        self.page.goto(path.as_uri())

    def evaluate(self, script: str) -> Any:
        return self.page.evaluate(script)


@contextmanager
def chromium(width: int = 1280, height: int = 900) -> Iterator[Chromium]:
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("no Chromium is installed (apt-get install chromium)")
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("Playwright is not installed (pip install 'rnnzoo[look]')")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(300_000)  # on a busy machine
        yield Chromium(page)
        browser.close()


@contextmanager
def firefox() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, ("firefox-esr", "firefox"))), None)
    if program is None:
        pytest.skip("no Firefox is installed (apt-get install firefox-esr)")
    if importlib.util.find_spec("websocket") is None:
        pytest.skip("websocket-client is not installed (pip install 'rnnzoo[look]')")
    from firefox import Firefox

    with Firefox(program) as browser:
        yield browser


BROWSERS = {"chromium": chromium, "firefox": firefox}


def opened(browser: Browser, path: Path) -> None:
    """Opens a page and waits until its models stand ready."""
    browser.open(path)
    assert browser.evaluate(READY) == "true"


def browser_seconds() -> float:
    """The processor's time that all processes begun by this one have used, those that run on; on Linux."""
    children: dict[int, list[int]] = {}
    ticks: dict[int, int] = {}
    for place in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has just ended
            number, _, rest = place.read_text(encoding="utf-8", errors="replace").rpartition(")")
            fields = rest.split()
            process = int(number.split(" ", 1)[0])
            children.setdefault(int(fields[1]), []).append(process)
            ticks[process] = int(fields[11]) + int(fields[12])
    total, left = 0, children.get(os.getpid(), [])
    while left:
        process = left.pop()
        total += ticks[process]
        left = left + children.get(process, [])
    return total / os.sysconf("SC_CLK_TCK")
