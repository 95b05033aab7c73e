from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnzoo.data.cleaning import CleaningConfig, clean_pairs, describe, plain_spaces


def test_plain_spaces() -> None:
    text = "\ufeff Quoi\u202f?\u00a0 Oui\u2009!\tco\u00adopé\u200bra\u2060tion\r\n\u3000"
    assert plain_spaces(text) == "Quoi ? Oui ! coopération"
    assert plain_spaces("\u200b\u00a0") == ""


@settings(deadline=None, max_examples=100)
@given(st.text())
def test_plain_spaces_change_nothing_twice_and_no_visible_character(text: str) -> None:
    plain = plain_spaces(text)
    assert plain_spaces(plain) == plain
    assert plain == plain.strip()
    assert "  " not in plain
    visible = [c for c in text if not c.isspace() and c not in "\u00ad\u200b\u2060\ufeff"]
    assert list(plain.replace(" ", "")) == visible


PAIRS = (
    ["a b", "", "c", " ", "long" * 30, "same", "same", "\u00a0spaces\u202f!", "x" * 41, "x" * 60],
    ["A B", "D", "\u200b", "", "LONG" * 30, "SAME", "SAME ", "ESPACES\u00a0!", "y", "y" * 61],
)


def test_each_rule() -> None:
    config = CleaningConfig(max_chars=61, max_ratio=2.9, duplicates=False)
    (sources, targets), dropped = clean_pairs(PAIRS, config)
    assert sources == ["a b", "same", "spaces !", "x" * 60]
    assert targets == ["A B", "SAME", "ESPACES !", "y" * 61]
    assert dropped == {
        "blank on one side": 2,
        "blank": 1,
        "longer than 61 characters": 1,
        "repeated": 1,
        "of unlike length": 1,  # 41 + 20 against 1 + 20
    }
    said = describe(4, {"train": dropped, "valid": Counter(), "test": Counter(blank=1)})
    assert said.startswith("4 training pairs, 6 left out: 2 blank on one side, 1 ")
    assert said.endswith("; test: 1 left out: 1 blank")
    assert describe(4, {"train": Counter()}) == "4 training pairs, none left out"


def test_the_ratio_counts_both_ways_and_just_so() -> None:
    config = CleaningConfig(max_ratio=2)
    for pair in ((["a" * 22], ["b"]), (["b"], ["a" * 22])):
        assert clean_pairs(pair, config)[0] == pair
        longer = tuple([side[0] + "a" * (len(side[0]) > 1)] for side in pair)
        assert clean_pairs((longer[0], longer[1]), config)[1] == {"of unlike length": 1}


def test_pairs_to_score_on_are_left_out_only_where_blank() -> None:
    (sources, targets), dropped = clean_pairs(PAIRS, None)
    assert (len(sources), len(targets)) == (7, 7)
    assert dropped == {"blank on one side": 2, "blank": 1}


@pytest.mark.parametrize("fields", [{"max_chars": 0}, {"max_ratio": 0.5}])
def test_rules_that_nothing_passes(fields: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        CleaningConfig(**fields)  # type: ignore[arg-type]
