from __future__ import annotations

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnzoo.errors import UserError
from rnnzoo.text import ByteTokenizer, ByteTokenizerConfig, TokenizerConfig

TOKENIZER = ByteTokenizer()


@settings(deadline=None, max_examples=60)
@given(st.text(st.characters(codec="utf-8")))
def test_ids_are_the_bytes_of_utf8(text: str) -> None:
    ids = TOKENIZER.encode(text)
    assert ids.dtype == np.uint8
    assert ids.flags.writeable
    assert bytes(ids) == text.encode()
    assert TOKENIZER.decode(ids) == text


@settings(deadline=None, max_examples=60)
@given(st.lists(st.one_of(st.integers(0, 255), st.integers(-3, 300), st.sampled_from([0xE2, 0x82, 0xAC, 0xF0]))))
def test_any_ids_decode_and_the_stream_agrees_with_the_whole(ids: list[int]) -> None:
    whole = TOKENIZER.decode(ids)
    decoder = TOKENIZER.decoder()
    assert "".join([decoder.feed(i) for i in ids] + [decoder.flush()]) == whole
    assert decoder.feed(0x41) == "A"  # flush begins afresh
    if all(0 <= i < 256 for i in ids):
        assert whole == bytes(ids).decode("utf-8", "replace")


def test_stream_decoder_holds_back_what_is_incomplete() -> None:
    decoder = TOKENIZER.decoder()
    assert [decoder.feed(byte) for byte in "€a".encode()] == ["", "", "€", "a"]
    decoder.feed(0xE2)
    fork = copy.deepcopy(decoder)
    assert [decoder.feed(byte) for byte in (0x82, 0xAC)] == ["", "€"]
    assert fork.flush() == "\ufffd"


def test_lone_surrogates_are_named_or_dropped() -> None:
    with pytest.raises(UserError, match=r"^UTF-8 has no '\\udc80' \(U\+DC80\), '\\ud800' \(U\+D800\): leave"):
        TOKENIZER.encode("a\udc80\ud800\udc80")
    assert TOKENIZER.encode("a\udc80b", unknown="drop").tolist() == [97, 98]


def test_the_rest_of_the_interface() -> None:
    assert TOKENIZER.vocab_size == len(TOKENIZER.token_texts()) == len(set(TOKENIZER.token_texts())) == 256
    assert TOKENIZER.token_texts()[0x41] == "A"
    assert TOKENIZER.token_texts()[0xFF] == "<0xFF>"
    assert TOKENIZER.extend("é") is TOKENIZER
    assert TokenizerConfig.from_dict("byte") == ByteTokenizerConfig()
    assert ByteTokenizerConfig().build([]) == TOKENIZER
