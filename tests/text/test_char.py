from __future__ import annotations

import copy
import unicodedata

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnzoo.errors import UserError
from rnnzoo.text import CharTokenizer, CharTokenizerConfig, TokenizerConfig
from rnnzoo.text.base import BLOCK

ANY_TEXT = st.text(st.characters(codec="utf-8"), min_size=1)  # every code point but surrogates


@settings(deadline=None, max_examples=60)
@given(ANY_TEXT)
def test_ids_are_positions_in_the_sorted_alphabet(text: str) -> None:
    tokenizer = CharTokenizer.train([text])
    alphabet = sorted(set(text))
    assert tokenizer.token_texts() == alphabet
    assert tokenizer.encode(text).tolist() == [alphabet.index(c) for c in text]
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_several_texts_make_one_vocabulary_whatever_their_order() -> None:
    assert CharTokenizer.train(["cb", "", "aé"]) == CharTokenizer.train(iter(["éb", "ca"]))


@pytest.mark.parametrize(
    ("size", "dtype"), [(1, np.uint8), (256, np.uint8), (257, np.uint16), (65536, np.uint16), (65537, np.uint32)]
)
def test_ids_take_the_smallest_dtype(size: int, dtype: type) -> None:
    characters = [chr(code) for code in range(0x10000, 0x10000 + size)]
    tokenizer = CharTokenizer(characters)
    ids = tokenizer.encode(characters[-1] + characters[0])
    assert ids.dtype == dtype
    assert ids.tolist() == [size - 1, 0]
    with pytest.raises(UserError):  # the sentinel for "unknown" is no id
        tokenizer.encode("a")


def test_unknown_characters_are_named_five_at_most() -> None:
    tokenizer = CharTokenizer.train(["abc"])
    with pytest.raises(UserError) as caught:
        tokenizer.encode("cab é")
    assert str(caught.value) == (
        "the vocabulary has no ' ' (U+0020), 'é' (U+00E9): leave them out, or ask for them to be dropped"
    )
    with pytest.raises(UserError, match=r"'z' \(U\+007A\), .*'v' \(U\+0076\) and 2 more:"):
        tokenizer.encode("zyxwvut" * 3)
    with pytest.raises(UserError, match=r"'\\u2028' \(U\+2028\)"):
        tokenizer.encode("\u2028")


def test_unknown_characters_are_dropped_on_request() -> None:
    assert CharTokenizer.train(["abc"]).encode("xaébxc", unknown="drop").tolist() == [0, 1, 2]


def test_rare_and_unseen_characters_become_unk() -> None:
    tokenizer = CharTokenizer.train(["aabbc"], min_count=2)
    assert tokenizer.token_texts() == ["<unk>", "a", "b"]
    assert tokenizer.encode("abc\U0001f600\udc80").tolist() == [1, 2, 0, 0, 0]
    assert tokenizer.encode("acb", unknown="drop").tolist() == [1, 2]
    assert tokenizer.decode([1, 0, 2]) == "a\ufffdb"
    assert tokenizer.encode(tokenizer.decode([1, 0, 2])).tolist() == [1, 0, 2]


def test_lone_surrogates_are_unknown_and_never_learnt() -> None:
    tokenizer = CharTokenizer.train(["a\ud800b\udfff"])
    assert tokenizer.token_texts() == ["a", "b"]
    with pytest.raises(UserError, match=r"'\\udc80' \(U\+DC80\)"):
        tokenizer.encode("a\udc80")
    assert tokenizer.encode("a\udc80b", unknown="drop").tolist() == [0, 1]


@pytest.mark.parametrize("text", ["", "\ud800"])
def test_text_without_characters_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="no character"):
        CharTokenizer.train([text])
    with pytest.raises(UserError, match="occurs 3 times"):
        CharTokenizer.train([text, "aabb"], min_count=3)


@settings(deadline=None, max_examples=60)
@given(st.text(st.sampled_from("e\u0301\u0323a\u0300ﬁ\u1e9b한\u1112\u1161\u11ab\u0344"), min_size=1))
def test_nfc_on_request_only(text: str) -> None:
    composed = CharTokenizer.train([text], nfc=True)
    assert composed.decode(composed.encode(text)) == unicodedata.normalize("NFC", text)
    plain = CharTokenizer.train([text])
    assert plain.decode(plain.encode(text)) == text


def test_blocks_meet_without_a_seam() -> None:
    text = "ab" * (BLOCK // 2 - 1) + "a\U0001f600" + "b" * 10 + "é" + "a" * BLOCK
    tokenizer = CharTokenizer.train([text])
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert len(tokenizer.encode(text + "?", unknown="drop")) == len(text)
    with pytest.raises(UserError, match=r"no '\?' \(U\+003F\), '!' \(U\+0021\):"):
        tokenizer.encode("?" + text + "!?")


def test_decode_takes_what_holds_integers() -> None:
    tokenizer = CharTokenizer.train(["abc"])
    for ids in (
        [2, 0],
        (2, 0),
        np.array([2, 0], np.uint8),
        torch.tensor([2, 0]),
        (i for i in (2, 0)),
        range(2, -1, -2),
    ):
        assert tokenizer.decode(ids) == "ca"
    assert tokenizer.decode([]) == tokenizer.decode(torch.zeros(0)) == ""
    assert tokenizer.decode(1) == tokenizer.decode(torch.tensor(1)) == "b"
    assert tokenizer.decode([0, 3, -100, 2**40]) == "a\ufffd\ufffd\ufffd"
    for wrong in ([[0, 1]], [0.5], torch.ones(2)):
        with pytest.raises(ValueError, match="row of integers"):
            tokenizer.decode(wrong)


def test_extend_keeps_ids_and_appends_new_characters() -> None:
    tokenizer = CharTokenizer.train(["mm"], nfc=True, min_count=2)
    wider = tokenizer.extend("zame\u0301")
    assert wider.token_texts() == ["<unk>", "m", "a", "z", "é"]
    assert wider.nfc
    assert wider.has_unk
    assert wider.extend("maze\u0301") is wider
    assert wider.extend("") is wider
    assert wider.extend("\ud800") is wider
    assert tokenizer.vocab_size == 2


def test_stream_decoder_gives_a_character_for_an_id() -> None:
    tokenizer = CharTokenizer.train(["añ"])
    decoder = tokenizer.decoder()
    assert [decoder.feed(i) for i in (1, 0, 7)] == ["ñ", "a", "\ufffd"]
    assert copy.deepcopy(decoder).feed(0) == "a"
    assert decoder.flush() == ""


@pytest.mark.parametrize("characters", [[], ["a", "a"], ["ab"], [""], ["\ud800"]])
def test_a_table_of_other_things_is_refused(characters: list[str]) -> None:
    with pytest.raises(ValueError, match="character"):
        CharTokenizer(characters)


def test_config() -> None:
    config = TokenizerConfig.from_dict({"name": "char", "min_count": 2})
    assert config == CharTokenizerConfig(min_count=2)
    assert config.build(["aab"]).token_texts() == ["<unk>", "a"]
    assert TokenizerConfig.from_dict("char").to_dict() == {"name": "char", "nfc": False, "min_count": 1}
    with pytest.raises(UserError, match="1 <= min_count"):
        TokenizerConfig.from_dict({"name": "char", "min_count": 0})
    with pytest.raises(UserError, match="did you mean 'char'"):
        TokenizerConfig.from_dict("chars")
