"""Byte-pair encoding: nothing is lost, the library agrees, and no file but ours is read."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as LibraryTokenizer

from rnnzoo.errors import UserError
from rnnzoo.text import BPETokenizer, BPETokenizerConfig, TokenizerConfig, load_tokenizer, tokenizer_from_dict
from rnnzoo.text import bpe as module

TEXT = "the cat sat on the mat, the hat sat on the cat\nDas Café heißt « Ü » \U0001f600\U0001f600, das Café; café!\n"
NASTY = (
    "one\r\ntwo\n\n\tthree\u2028four\x85\x0b\x1c\x00six \U0001f468\u200d\U0001f469 "
    "e\u0301 \ufeffz\u00a0\u3000  x 'll don't 12 Ġ Ċ\n"
)
TOKENIZER = BPETokenizer.train([TEXT], 300, min_frequency=1)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.one_of(st.text(st.characters(codec="utf-8")), st.sampled_from(TEXT.split(" ")))).map(" ".join))
def test_every_text_comes_back(text: str) -> None:
    ids = TOKENIZER.encode(text)
    assert ids.dtype == TOKENIZER.dtype == np.uint16
    assert TOKENIZER.decode(ids) == text
    assert TOKENIZER.encode_all([text, "", text])[2].tolist() == ids.tolist()


@settings(deadline=None, max_examples=100)
@given(st.lists(st.integers(-3, TOKENIZER.vocab_size + 3)))
def test_any_ids_decode_and_the_stream_agrees_with_the_whole(ids: list[int]) -> None:
    decoder = TOKENIZER.decoder()
    assert "".join([decoder.feed(i) for i in ids] + [decoder.flush()]) == TOKENIZER.decode(ids)
    assert decoder.feed(0x41) == "A"  # flush begins afresh


def test_the_stream_holds_back_what_is_incomplete() -> None:
    decoder = TOKENIZER.decoder()
    said = [decoder.feed(byte) for byte in "€a".encode()]
    assert said == ["", "", "€", "a"]
    decoder.feed(0xE2)
    assert copy.deepcopy(decoder).flush() == "\ufffd"


def test_frequent_words_are_one_token_and_no_token_crosses_two() -> None:
    texts = TOKENIZER.token_texts()
    assert len(texts) == TOKENIZER.vocab_size == 296  # then all words are whole
    assert [texts[token] for token in TOKENIZER.encode("the cat sat")] == ["the", " cat", " sat"]
    assert texts[0xE9] == "<0xE9>"
    assert not [text for text in texts if " " in text[1:]]


def test_long_texts_are_encoded_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (NASTY + TEXT) * 5
    whole = TOKENIZER.encode(text).tolist()
    for size in (1, 7, 60):
        monkeypatch.setattr(module, "BLOCK", size)
        assert TOKENIZER.encode(text).tolist() == whole
        assert BPETokenizer.train([text], 320) == BPETokenizer.train([text], 320)


def test_training_depends_on_the_texts_alone() -> None:
    lines = [f"{TEXT}{NASTY}{number}" for number in range(50)]
    trained = BPETokenizer.train(lines, 400)
    assert BPETokenizer.train(reversed(lines), 400) == trained
    code = f"""
import json, sys
from rnnzoo.text import BPETokenizer
print(json.dumps(BPETokenizer.train({lines!r}, 400).to_dict()))"""
    env = {**os.environ, "RAYON_NUM_THREADS": "3", "PYTHONHASHSEED": "7"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert json.loads(done.stdout) == trained.to_dict()


def test_frequency_and_size() -> None:
    assert BPETokenizer.train(["ab ab ab cd"], 300).merges == (("a", "b"), ("Ġ", "ab"))
    assert BPETokenizer.train(["ab ab ab"], 257).vocab_size == 257
    with pytest.raises(UserError, match="no pair of bytes that occurs 2 times"):
        BPETokenizer.train(["abc"], 300)
    longest = BPETokenizer.train(["x" * 1000] * 3, 400)
    assert max(map(len, longest.token_texts()[256:])) <= 64
    assert longest.decode(longest.encode("x" * 999)) == "x" * 999


def test_lone_surrogates_are_named_or_dropped() -> None:
    with pytest.raises(UserError, match=r"^UTF-8 has no '\\udc80'"):
        TOKENIZER.encode("a\udc80")
    assert TOKENIZER.encode("the\udc80 cat", unknown="drop").tolist() == TOKENIZER.encode("the cat").tolist()
    assert BPETokenizer.train([TEXT + "\ud800"], 300, min_frequency=1) == TOKENIZER


def test_config() -> None:
    config = TokenizerConfig.from_dict({"name": "bpe", "vocab_size": 300, "min_frequency": 1})
    assert config == BPETokenizerConfig(300, 1)
    assert config.build([TEXT]) == TOKENIZER
    assert not config.whole_text
    assert TOKENIZER.extend("中") is TOKENIZER
    for fields in ({"vocab_size": 256}, {"vocab_size": 1 << 30}, {"min_frequency": 0}):
        with pytest.raises(ValueError, match=r"vocab_size: 257 <=|min_frequency: 1 <="):
            BPETokenizerConfig(**fields)


# ------------------------------------------------------------------------------------------ the file


def test_the_library_agrees(tmp_path: Path) -> None:
    TOKENIZER.save(tmp_path / "tokenizer.json")
    library = LibraryTokenizer.from_file(str(tmp_path / "tokenizer.json"))
    for text in (TEXT, NASTY, "", "\n", " a", "  ", "qQ\u4e00\ufffd", *NASTY):
        ids = TOKENIZER.encode(text).tolist()
        assert library.encode(text).ids == ids
        assert library.decode(ids, skip_special_tokens=False) == text
    assert library.get_vocab_size() == TOKENIZER.vocab_size
    library.save(str(tmp_path / "again.json"))
    for name in ("tokenizer.json", "again.json"):
        loaded = load_tokenizer(tmp_path / name)
        assert loaded == TOKENIZER
        assert hash(loaded) == hash(TOKENIZER)
        assert loaded.encode(NASTY).tolist() == TOKENIZER.encode(NASTY).tolist()


def model(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda data: data["model"].update(changes)


def merged(*merges: Any) -> Callable[[dict[str, Any]], None]:
    return lambda data: data["model"]["merges"].extend(merges)


DAMAGE: list[Callable[[dict[str, Any]], Any]] = [
    lambda data: data.pop("version"),
    lambda data: data.update(extra=1),
    lambda data: data.update(added_tokens=[{"id": 0, "content": "a"}]),
    lambda data: data.update(normalizer={"type": "Lowercase"}),
    lambda data: data.update(decoder=None),
    lambda data: data.update(post_processor={"type": "ByteLevel"}),
    lambda data: data.update(model=None),
    lambda data: data.pop("model"),
    lambda data: data["model"]["vocab"].pop("the"),
    lambda data: data["model"]["vocab"].update(the=True),
    lambda data: data["model"]["vocab"].update(new=300),
    lambda data: data["model"]["vocab"].update({"!": 33.0}),
    model(type="WordPiece"),
    model(dropout=0.1),
    model(unk_token="a"),
    model(merges=[]),
    model(merges=None),
    model(merges={}),
    model(merges=["t h"]),
    model(merges=[["t", "h", "e"]]),
    model(merges=[["t", 1]]),
    model(merges=[["t", ["h"]]]),
    model(merges=[["the", "cat"]]),
    model(vocab=[]),
    merged(["t", "h"]),
    merged(["zz", "z"]),
    merged([" ", "a"]),
    merged(["", ""]),
    merged(["\x1b[2J", "a"]),
]


@pytest.mark.parametrize("damage", DAMAGE)
def test_any_other_layout_is_refused(damage: Callable[[dict[str, Any]], Any]) -> None:
    data = copy.deepcopy(TOKENIZER.to_dict())
    damage(data)
    with pytest.raises(UserError, match=r"^run/tokenizer\.json: not a tokenizer that rnnzoo wrote") as caught:
        tokenizer_from_dict(data, "run/tokenizer.json")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


def test_a_file_cannot_ask_for_much() -> None:
    """A few merges can ask for a token of any length, and a file for any number of them."""
    doubling, token = [], "a"
    for _ in range(60):
        doubling.append([token, token])
        token = token + token if len(token) < 1 << 12 else token
    for merges, message in ((doubling, "has more than 64 bytes"), ([["a", "b"]] * ((1 << 20) + 1), "1048577 merges")):
        data = TOKENIZER.to_dict()
        data["model"]["merges"] = merges
        with pytest.raises(UserError, match=message):
            tokenizer_from_dict(data)


def test_one_endless_word_is_no_endless_training() -> None:
    """It is cut for the training; all other text is merged as ever."""
    text = "the cat and the other cat\n" * 20
    plain = BPETokenizer.train([text], 280)
    for endless in ("x" * 300_000, "-=" * 100_000, " " * 300_000, "ab1c" * 60_000):
        found = BPETokenizer.train([f"{text}{endless}\n{text}"], 300)
        assert set(plain.merges[:3]) <= set(found.merges)
        assert found.decode(found.encode(endless)) == endless
    assert BPETokenizer.train([text + "y" * 1000], 280) == BPETokenizer.train([text, "y" * 1000], 280)
