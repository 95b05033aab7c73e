"""The pages of docs/integrations: their Python is run, and what they name is there."""

from __future__ import annotations

import importlib
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = {"lm-eval": ["lm_eval"], "transformers": ["transformers", "accelerate"], "trackers": []}
"""Each page, and the packages that it needs."""

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]


@pytest.mark.parametrize("page", PAGES)
def test_the_python_of_a_page_runs(page: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a block prints stands in the text block behind it, where there is one."""
    if missing := [name for name in PAGES[page] if find_spec(name) is None]:
        pytest.skip(f"{', '.join(missing)} not installed (make test-integrations)")
    text = (ROOT / f"docs/integrations/{page}.md").read_text(encoding="utf-8")
    found = re.findall(r"^```python\n(.*?)^```(?:\n\n```text\n(.*?)^```)?", text, re.MULTILINE | re.DOTALL)
    assert found or page == "trackers"  # whose commands test_trackers.py runs
    names: dict[str, Any] = {"__name__": "page"}
    for code, printed in found:
        exec(compile(code, f"{page}.md", "exec"), names)
        said = capsys.readouterr().out
        if printed:
            assert said.strip() == printed.strip()
    for name in re.findall(r"rnnzoo\.integrations(?:\.\w+)*", text):
        module, _, attribute = name.rpartition(".")
        assert hasattr(importlib.import_module(module), attribute) or importlib.import_module(name)


def test_every_page_is_here() -> None:
    assert {path.stem for path in (ROOT / "docs/integrations").glob("*.md")} == set(PAGES)
