"""A page made of a hostile folder or text runs no script but its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from browsers import chromium, opened
from hostile_texts import NAME, TEXTS


@pytest.mark.parametrize("kind", ["char", "word"])
def test_no_script_of_theirs_runs(kind: str, small: Path) -> None:
    page = small / f"hostile-{kind}.html"
    html = page.read_text(encoding="utf-8")
    assert "owned" not in html.replace("&lt;", "<").split("</title>")[1]
    assert len(re.findall("<script", html)) == 2  # the model, and the page's own
    assert not set("\u2028\u2029\u202e") & set(html.split("<script")[0])
    with chromium() as browser:
        requests: list[str] = []
        browser.page.on("request", lambda request: requests.append(request.url))
        opened(browser, page)
        assert NAME in browser.evaluate("document.querySelector('h1').textContent")
        assert TEXTS[0] in browser.evaluate("document.querySelector('.about').textContent")
        browser.page.fill("#text", "".join(TEXTS))
        for mode in ("unit", "gate", "memory", "surprisal"):
            browser.page.click(f"input[value={mode}]")
        browser.page.click("button.primary")
        browser.page.wait_for_selector(".reading span:nth-child(60)")
        assert browser.evaluate("globalThis.owned ?? null") is None
        assert browser.evaluate("document.querySelectorAll('img, iframe, object, body script').length") == 1
        assert browser.faults == []
        assert requests == [page.as_uri()]
        # and the policy holds even for what somebody put into the page by hand
        browser.evaluate(
            "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"globalThis.owned = 4\">')"
        )
        browser.page.wait_for_timeout(200)
        assert browser.evaluate("globalThis.owned ?? null") is None
