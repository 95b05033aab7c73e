"""What stands in the docs is what the commands print, and every entry in the checkout works."""

from __future__ import annotations

from pathlib import Path

import pytest

import rnnzoo
from benchmarks import results
from rnnzoo.zoo import entry_names, read_metrics, recipe_names

ROOT = Path(__file__).parent.parent
ENTRIES = sorted(path.parent.name for path in (ROOT / "pretrained").glob("*/metrics.json"))


def test_the_results_page_is_what_its_command_writes() -> None:
    assert results.main(["--check"]) == 0


def test_every_entry_has_its_recipe_and_its_row() -> None:
    assert len(ENTRIES) == 3
    assert sorted(entry_names()) == ENTRIES
    page = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    for name in ENTRIES:
        assert name in recipe_names()
        assert read_metrics(entry_names()[name])["recipe"] == name
        assert f"| {name} |" in page


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_writes_words_of_its_text(name: str) -> None:
    model = rnnzoo.load(name)
    assert not model.training
    text = model.generate("ROMEO:\n", max_new_tokens=120, temperature=0.3, seed=0)[0]
    assert "the " in text.lower()
    assert model.score("To be, or not to be: that is the question.").totals.bpc < 3.0
