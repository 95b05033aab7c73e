"""``tokenizer.json``: the `tokenizers` library reads ours, and we read exactly ours."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer as LibraryTokenizer

from rnnzoo.errors import UserError
from rnnzoo.text import ByteTokenizer, CharTokenizer, Tokenizer, load_tokenizer, tokenizer_from_dict

NASTY = (
    "one\r\ntwo\n\n\tthree\u2028four\x85five\x0b\x0c\x1c\x00six \U0001f600\U0001f468\u200d\U0001f469 "
    "e\u0301 é e\u0323\u0301 ab \ufeffz\u00a0\u3000  x<unk>\u200b\u202eﬁ 한\u1112\u1161\u11ab "
    "$1^\\[.*\"'\ud7ff\ue000\U0010ffff Ġ Ċ \n"
)
KINDS: list[Callable[[], Tokenizer]] = [
    lambda: CharTokenizer.train([NASTY]),
    lambda: CharTokenizer.train([NASTY, *NASTY], nfc=True),  # composed, and each mark by itself
    lambda: CharTokenizer.train([NASTY * 2 + "rare"], min_count=2),
    lambda: CharTokenizer.train([NASTY * 2 + "q"], nfc=True, min_count=2).extend("ñandú"),
    lambda: CharTokenizer(["b", "a", *sorted(set(NASTY) - {"a", "b"})]),
    ByteTokenizer,
]


@pytest.mark.parametrize("make", KINDS)
def test_the_library_agrees(make: Callable[[], Tokenizer], tmp_path: Path) -> None:
    ours = make()
    ours.save(tmp_path / "tokenizer.json")
    library = LibraryTokenizer.from_file(str(tmp_path / "tokenizer.json"))
    texts = [NASTY, "", "\n", "a b", "e\u0301e\u0323\u0301e\u0301", " a", *NASTY]
    if getattr(ours, "has_unk", False) or ours.kind == "byte":
        texts += ["qQ\u4e00\ufffd\U0001f9ff"]
    for text in texts:
        ids = ours.encode(text).tolist()
        assert library.encode(text).ids == ids
        assert library.decode(ids, skip_special_tokens=False) == ours.decode(ids)
    assert library.get_vocab_size() == ours.vocab_size
    # what the library writes back is ours again, and nothing of it was lost on the way
    library.save(str(tmp_path / "again.json"))
    assert load_tokenizer(tmp_path / "again.json") == ours


def test_the_library_and_we_replace_invalid_utf8_alike(tmp_path: Path) -> None:
    ByteTokenizer().save(tmp_path / "tokenizer.json")
    library = LibraryTokenizer.from_file(str(tmp_path / "tokenizer.json"))
    for ids in ([0xE2, 0x82], [0xFF, 0x41, 0xC3], [0xF0, 0x9F, 0x98, 0x41], [0xED, 0xA0, 0x80]):
        assert library.decode(ids) == ByteTokenizer().decode(ids)


@pytest.mark.parametrize("make", KINDS)
def test_what_was_saved_is_loaded(make: Callable[[], Tokenizer], tmp_path: Path) -> None:
    ours = make()
    ours.save(tmp_path / "tokenizer.json")
    loaded = load_tokenizer(tmp_path / "tokenizer.json")
    assert type(loaded) is type(ours)
    assert loaded == ours
    assert hash(loaded) == hash(ours)
    assert loaded.token_texts() == ours.token_texts()
    assert loaded.encode(NASTY).tolist() == ours.encode(NASTY).tolist()
    assert tokenizer_from_dict(json.loads(json.dumps(ours.to_dict()))) == ours


def _vocab(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda data: data["model"]["vocab"].update(changes)


DAMAGE: list[Callable[[dict[str, Any]], Any]] = [
    lambda data: data.pop("version"),
    lambda data: data.update(version="2.0"),
    lambda data: data.update(extra=1),
    lambda data: data.update(added_tokens=[{"id": 0, "content": "a"}]),
    lambda data: data.update(normalizer={"type": "Lowercase"}),
    lambda data: data.update(normalizer=[]),
    lambda data: data.update(decoder=None),
    lambda data: data.update(pre_tokenizer=None),
    lambda data: data.update(model=None),
    lambda data: data["model"].update(type="Unigram"),
    lambda data: data["model"].update(extra=1),
    lambda data: data["model"].update(unk_token="a"),
    lambda data: data["model"].update(vocab={}),
    lambda data: data["model"].update(vocab=["a", "b"]),
    lambda data: data["model"]["vocab"].pop("a"),
    _vocab(c=3),
    _vocab(a=-1),
    _vocab(a=True),
    _vocab(a=0.0),
    _vocab(a="0"),
    _vocab(a=1),
    _vocab(a=10**30),
    _vocab(ab=2),
    _vocab(**{"": 2}),
    _vocab(**{"\ud800": 2}),
    _vocab(**{"<unk>": 2}),
]


@pytest.mark.parametrize("damage", DAMAGE)
def test_any_other_layout_is_refused(damage: Callable[[dict[str, Any]], Any]) -> None:
    data = copy.deepcopy(CharTokenizer(["a", "b"]).to_dict())
    damage(data)
    with pytest.raises(UserError, match=r"^run/tokenizer\.json: not a tokenizer that rnnzoo wrote"):
        tokenizer_from_dict(data, "run/tokenizer.json")


@pytest.mark.parametrize("change", [{"merges": ["a b"]}, {"dropout": 0.1}, {"vocab": {"a": 0}}, {"type": "WordPiece"}])
def test_other_bpe_files_are_refused(change: dict[str, Any]) -> None:
    data = ByteTokenizer().to_dict()
    data["model"].update(change)
    with pytest.raises(UserError, match="not a tokenizer that rnnzoo wrote"):
        tokenizer_from_dict(data)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1: is not JSON"),
        (b'{\n"version": ', "line 2: is not JSON"),
        (b"<!DOCTYPE html>", "line 1: is not JSON"),
        (b"\xff{}", "byte 0: is not UTF-8"),
        (b"[]", "not a JSON object"),
        (b"{}", "known kinds: char, byte"),
        (b'{"a": 1, "a": 2}', "a key appears twice"),
        (b"[" * 100_000, "not a tokenizer"),
        (b"9" * 10_000, "not a tokenizer"),
    ],
)
def test_damaged_files_are_told_in_one_line(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        load_tokenizer(path)
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)


def test_missing_and_oversized_files(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is missing"):
        load_tokenizer(tmp_path / "none.json")
    with pytest.raises(UserError, match="is a folder"):
        load_tokenizer(tmp_path)
    with (tmp_path / "huge.json").open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(UserError, match="too many"):
        load_tokenizer(tmp_path / "huge.json")
