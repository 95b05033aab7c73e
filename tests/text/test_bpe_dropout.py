"""BPE with merges left out: the text comes back whatever is drawn, and what is drawn is the seed's alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnzoo.text import BPETokenizer
from rnnzoo.text.bpe_dropout import BPEDropout

TEXT = "the cat sat on the mat, the hat sat on the cat\nDas Café heißt « Ü » \U0001f600\U0001f600, das Café; café!\n"
TOKENIZER = BPETokenizer.train([TEXT], 300, min_frequency=1)


def draw(text: str, p: float, seed: int) -> list[int]:
    return BPEDropout(TOKENIZER, p).encode(text, np.random.default_rng(seed)).tolist()


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.one_of(st.text(st.characters(codec="utf-8")), st.sampled_from(TEXT.split(" ")))).map(" ".join),
    st.floats(0, 0.99),
)
def test_nothing_is_lost_and_without_dropout_it_is_the_encoding(text: str, p: float) -> None:
    assert TOKENIZER.decode(draw(text, p, 0)) == text
    assert draw(text, 0, 0) == TOKENIZER.encode(text).tolist()


def test_another_draw_another_encoding_and_the_same_again() -> None:
    own = TOKENIZER.encode(TEXT).tolist()
    drawn = [draw(TEXT, 0.3, seed) for seed in range(20)]
    assert len({tuple(ids) for ids in drawn}) == 20
    assert drawn[7] == draw(TEXT, 0.3, 7)
    assert all(len(ids) > len(own) for ids in drawn)
    assert np.mean([len(draw(TEXT, 0.9, seed)) for seed in range(20)]) > np.mean([len(ids) for ids in drawn])


@pytest.mark.parametrize("p", [-0.1, 1.0])
def test_it_is_a_share(p: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        BPEDropout(TOKENIZER, p)
