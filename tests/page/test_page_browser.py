"""Pages in the browsers that read them: the models there say what they say here."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import numpy as np
import pytest
from browsers import BROWSERS, Browser, browser_seconds, chromium, opened
from hostile_texts import NAME
from node import HERE, python
from safetensors.numpy import load_file
from sentences import sentences_for

from rnnzoo import load
from rnnzoo.cells import builtin_cells
from rnnzoo.models import LanguageModel
from rnnzoo.zoo import entry_names, find_model, read_config, read_manifest
from rnnzoo.zoo.kinds import kind_of_task

ENTRIES = [
    name
    for name, folder in sorted(entry_names().items())
    if kind_of_task(read_config(folder)["task"]).bundled  # the others go into no page
]
TOLERANCE = 1e-4
WRITTEN = """new Promise((done) => {
  const look = () => document.querySelector('.tree') ? done(document.querySelectorAll('.tree text').length)
    : setTimeout(look, 20)
  look()
})"""
"""How many tokens the tree of a beam has, once it is drawn."""


def page_of(name: str, folder: Path) -> Path:
    """The page of an entry, as the command makes it."""
    out = folder / f"{name}.html"
    if not out.exists():
        python("-m", "rnnzoo", "export", name, out)
        weights = (find_model(name) / "model.safetensors").stat().st_size
        assert out.stat().st_size <= 1.4 * weights + 300_000, name
    return out


def check_entry(browser: Browser, name: str, page: Path) -> None:
    """Golden logits, and greedy text or translations."""
    opened(browser, page)
    browser.evaluate(f"(() => {{ {(HERE / 'checks.mjs').read_text(encoding='utf-8')} }})()")
    golden = load_file(find_model(name) / "golden.safetensors")
    model = load(name)
    width = golden["logits"].shape[-1]
    if isinstance(model, LanguageModel):
        found = browser.evaluate(f"checks.language({golden['tokens'].tolist()}, {width})")
    else:
        rows = zip(golden["src"].tolist(), golden["lengths"].tolist(), strict=True)
        sources = [ids[:length] for ids, length in rows]
        found = browser.evaluate(f"checks.translator({sources}, {golden['tgt'].tolist()}, {width})")
    said = np.array(found, np.float64)
    assert np.abs(said[..., :-1] - golden["logits"]).max() < TOLERANCE
    if "log_sum_exp" in golden:
        assert np.abs(said[..., -1] - golden["log_sum_exp"]).max() < TOLERANCE
    if isinstance(model, LanguageModel):
        text = model.generate("", max_new_tokens=200, temperature=0, backend="torch")[0]
        assert browser.evaluate("checks.greedy(200)") == text
    else:
        sentences = sentences_for(name)
        assert len(sentences) == 50
        assert browser.evaluate(f"checks.translations({json.dumps(sentences)})") == model.translate(sentences)


def test_one_entry_says_the_same(small: Path) -> None:
    from make_small import SMOKE

    with chromium() as browser:
        check_entry(browser, SMOKE, small / "smoke.html")
        assert browser.faults == []
        assert browser.evaluate("document.querySelectorAll('.bars li').length") == 10


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pages")


@pytest.mark.browser
@pytest.mark.parametrize("kind", BROWSERS)
def test_every_entry_says_the_same(kind: str, pages: Path) -> None:
    assert set(read_manifest()["entries"]) >= set(ENTRIES)
    assert len(ENTRIES) >= 20
    with BROWSERS[kind]() as browser:
        for name in ENTRIES:
            check_entry(browser, name, page_of(name, pages))


@pytest.fixture(scope="session")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("examples")
    python("-m", "make_pages", folder)
    return folder


@pytest.mark.browser
@pytest.mark.parametrize("kind", BROWSERS)
def test_every_example_says_the_same(kind: str, examples: Path) -> None:
    expected = json.loads((examples / "expected.json").read_text(encoding="utf-8"))
    assert {name.rpartition("-")[0] for name in expected} == set(builtin_cells())
    with BROWSERS[kind]() as browser:
        for name, (tokens, logits) in expected.items():
            opened(browser, examples / f"{name}.html")
            browser.evaluate(f"(() => {{ {(HERE / 'checks.mjs').read_text(encoding='utf-8')} }})()")
            found = np.array(browser.evaluate(f"checks.language([{tokens}], {len(logits[0])})"))[0, :, :-1]
            assert np.abs(found - np.array(logits)).max() < TOLERANCE, name


@pytest.mark.browser
@pytest.mark.parametrize("kind", BROWSERS)
def test_every_attention_looks_the_same(kind: str, examples: Path) -> None:
    from make_pages import SENTENCE

    expected = json.loads((examples / "translators.json").read_text(encoding="utf-8"))
    assert expected.keys() == {"dot", "scaled", "general", "additive", "multi_head", "None"}
    with BROWSERS[kind]() as browser:
        for name, traced in expected.items():
            opened(browser, examples / f"translator-{name}.html")
            browser.evaluate(f"(() => {{ {(HERE / 'checks.mjs').read_text(encoding='utf-8')} }})()")
            found = browser.evaluate(f"checks.look({json.dumps(SENTENCE)})")
            assert found["written"] == traced["written"]
            for array in ("attention", "surprisal") if name != "None" else ("surprisal",):
                assert np.abs(np.array(found[array]) - np.array(traced["arrays"][array])).max() < TOLERANCE, name


@pytest.mark.browser
def test_two_models_are_looked_at_by_keyboard_alone(examples: Path) -> None:
    with chromium() as browser:
        opened(browser, examples / "two.html")
        page = browser.page
        page.keyboard.press("Tab")
        page.keyboard.press("Control+a")
        page.keyboard.type("abc def")
        page.wait_for_selector(".reading span:nth-child(7)")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")  # writes on
        page.wait_for_selector(".reading span:nth-child(40)")
        page.keyboard.press("Enter")  # stops
        text = page.input_value("#text")
        assert text.startswith("abc def")
        for _ in range(5):  # take it back, empty, the writer, how it chooses
            page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.name") == "mode"
        page.keyboard.press("ArrowRight")  # units
        page.wait_for_selector(".found li:nth-child(8)")
        assert page.locator(".found:visible").count() == 2
        assert "place in the line" in page.locator(".panel:visible select >> nth=1").inner_text()
        page.keyboard.press("ArrowRight")  # gates
        assert page.locator(".panel:visible tbody tr").count() == 3  # the LSTM's
        page.keyboard.press("ArrowRight")  # memory
        page.locator(".panel:visible button").first.press("Enter")
        page.wait_for_selector("text=/^On average, /")
        page.locator(".reading").first.focus()
        page.keyboard.press("ArrowLeft")
        page.wait_for_selector("text=/^Here, /")
        chosen = [place.inner_text() for place in page.locator("[aria-selected=true]").all()]
        assert chosen == [text[-2]] * 2  # in both
        page.focus("#text")
        page.keyboard.press("Control+a")
        page.keyboard.press("Delete")
        page.wait_for_selector(".reading span", state="detached")
        assert page.locator(".panel:visible .note").all_inner_texts() == ["", ""]
        assert browser.faults == []


@pytest.mark.browser
@pytest.mark.parametrize("kind", BROWSERS)
def test_no_script_of_a_hostile_translator_runs(kind: str, examples: Path) -> None:
    with BROWSERS[kind]() as browser:
        opened(browser, examples / "hostile.html")
        assert browser.evaluate("document.querySelector('h1').textContent") == NAME
        assert browser.evaluate(WRITTEN) > 0
        assert browser.evaluate("globalThis.owned ?? null") is None
        assert browser.evaluate("document.querySelectorAll('img, iframe, object, body script').length") == 1


@pytest.mark.browser
@pytest.mark.parametrize("kind", BROWSERS)
def test_speed_is_printed(kind: str, pages: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No time is asserted: the machine may have other work, which the processor's own time does not count."""
    sentences = sentences_for("mt-mingru.tatoeba-en-fr")
    lines = []
    with BROWSERS[kind]() as browser:
        for name in ("char-lstm.tinyshakespeare", "mt-mingru.tatoeba-en-fr"):
            ready = []
            for _ in range(5):
                opened(browser, page_of(name, pages))
                ready.append(browser.evaluate("rnnzoo.ready"))
            browser.evaluate(f"(() => {{ {(HERE / 'checks.mjs').read_text(encoding='utf-8')} }})()")
            given = "" if name.startswith("char") else f", {json.dumps(sentences)}"
            browser.evaluate(f"checks.speed(20{given})")  # until the engine has made fast code of it
            before = browser_seconds()
            times = browser.evaluate(f"checks.speed(60{given})")
            busy = 1000 * (browser_seconds() - before) / len(times)
            told = [min(times), statistics.median(times), busy]
            if not given:
                told = [50_000 / each for each in told]
            unit = "ms a sentence" if given else "characters a second"
            lines.append(
                f"{kind}: {name}: {told[0]:,.0f} {unit} at best, {told[1]:,.0f} in the median, {told[2]:,.0f} by the "
                f"processor's time; ready {min(ready):,.0f} ms after opening at best, {statistics.median(ready):,.0f} "
                "in the median"
            )
    with capsys.disabled():
        print("", *lines, sep="\n")
    assert len(lines) == 2
