"""Words: the conventions of PTB and WikiText, raw text and back, text as people write it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as LibraryTokenizer

from rnnzoo.data import load_corpus
from rnnzoo.errors import UserError
from rnnzoo.text import TokenizerConfig, WordTokenizer, load_tokenizer, tokenizer_from_dict
from rnnzoo.text.word import Style

LINES = " the cat saw the dog \n the dog <unk> the\tcat\n\n a cat \n"


@pytest.mark.parametrize(
    ("corpus", "counts", "vocabulary"),
    [("ptb", (929_589, 73_760, 82_430), 10_000), ("wikitext-2", (2_088_628, 217_646, 245_569), 33_278)],
)
@pytest.mark.usefixtures("data_dir")
def test_the_published_counts(corpus: str, counts: tuple[int, ...], vocabulary: int) -> None:
    splits = load_corpus(corpus).splits
    tokenizer = WordTokenizer.train([splits["train"]])
    assert tokenizer.vocab_size == vocabulary
    for text, count in zip(splits.values(), counts, strict=True):
        ids = tokenizer.encode(text)
        assert len(ids) == count
        assert ids.dtype == np.uint16
        assert (ids == tokenizer.unknown).sum() == text.split().count("<unk>")  # all other words are known
        assert tokenizer.encode(tokenizer.decode(ids)).tolist() == ids.tolist()
    frequency = np.bincount(tokenizer.encode(splits["train"]))
    assert (np.diff(frequency) <= 0).all()  # sorted, as an adaptive softmax needs it


def test_lines() -> None:
    tokenizer = WordTokenizer.train([LINES])
    assert tokenizer.words == ("<eos>", "the", "cat", "dog", "<unk>", "a", "saw")
    ids = tokenizer.encode(LINES)
    words = [tokenizer.words[i] for i in ids]
    assert " ".join(words) == "the cat saw the dog <eos> the dog <unk> the cat <eos> <eos> a cat <eos>"
    assert tokenizer.decode(ids) == "the cat saw the dog\nthe dog <unk> the cat\n\na cat\n"
    assert tokenizer.encode("a whale\n").tolist() == [5, 4, 0]
    assert tokenizer.encode("a whale\n", unknown="drop").tolist() == [5, 0]
    assert tokenizer.encode("").tolist() == []
    assert tokenizer.encode("cat").tolist() == [2]  # no line has ended


def test_a_space_that_is_part_of_a_word_does_not_split_it() -> None:
    assert WordTokenizer.train(["10\u00a0km\x1c \u3000a\n"]).encode("10\u00a0km\x1c \u3000a\n").size == 3


def test_rare_words_count_as_unknown() -> None:
    text = "a " * 5 + "b " * 4 + "c " * 3 + "d d e f g h\n"
    tokenizer = WordTokenizer.train([text], min_count=3)
    assert tokenizer.words == ("<unk>", "a", "b", "c", "<eos>")  # d to h together: 6
    small = WordTokenizer.train([text], max_size=4)
    assert small.words == ("<unk>", "a", "b", "<eos>")
    assert small.vocab_size == 4
    with pytest.raises(UserError, match="no word that occurs 9 times"):
        WordTokenizer.train([text], min_count=9)


def test_equally_frequent_words_are_in_the_order_of_their_code_points() -> None:
    one, other = WordTokenizer.train(["b a c\n"]), WordTokenizer.train(["c b a\n"])
    assert one == other
    assert one.words == ("<eos>", "a", "b", "c", "<unk>")


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = "It's  a\u2019b, isn't it?\n\n\tYes: 3.5 naïve\n" * 5
    styles: tuple[Style, ...] = ("lines", "raw")
    whole = [WordTokenizer.train([raw], style) for style in styles]
    ids = [tokenizer.encode(raw).tolist() for tokenizer in whole]
    monkeypatch.setattr("rnnzoo.text.word.BLOCK", 3)
    assert [WordTokenizer.train([raw], style) for style in styles] == whole
    assert [tokenizer.encode(raw).tolist() for tokenizer in whole] == ids


def test_raw_pieces() -> None:
    text = "No, it wasn't\u2014O\u2019Brien  said \n"
    tokenizer = WordTokenizer.train([text], "raw")
    pieces = [tokenizer.words[i] for i in tokenizer.encode(text)]
    assert pieces == ["No", ",", " it", " wasn't", "\u2014", "O\u2019Brien", " ", " said", " ", "\n"]
    assert tokenizer.decode(tokenizer.encode(text)) == text


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
@settings(max_examples=200, deadline=None)
def test_raw_text_comes_back(text: str) -> None:
    tokenizer = WordTokenizer.train([text], "raw")
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    decoder = tokenizer.decoder()
    assert "".join(decoder.feed(token) for token in ids.tolist()) + decoder.flush() == text


def test_real_raw_text_comes_back(corpus_path: Callable[[str], Path]) -> None:
    text = corpus_path("tinyshakespeare/input.txt").read_text(encoding="utf-8")[:200_000]
    tokenizer = WordTokenizer.train([text], "raw")
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_unknown_words_of_raw_text() -> None:
    tokenizer = WordTokenizer.train(["to be or not to be"], "raw")
    assert tokenizer.decode(tokenizer.encode("to see \ud800")) == "to \ufffd \ufffd"
    assert tokenizer.decode([0, 999]).endswith("\ufffd")


@pytest.mark.parametrize("style", ["lines", "raw"])
def test_the_library_agrees(style: Style, tmp_path: Path) -> None:
    text = "Über  e\u0301\u0323 it's\r\na\u00a0b\x0b\x0cc \u2028 x_1 한 \U0001f600! <eos> <unk>\n\n" + LINES
    ours = WordTokenizer.train([text], style)
    ours.save(tmp_path / "tokenizer.json")
    library = LibraryTokenizer.from_file(str(tmp_path / "tokenizer.json"))
    for part in (text, text + "unheard of!", "", "\n", " ", "a", " a "):
        assert library.encode(part).ids == ours.encode(part).tolist()
    assert load_tokenizer(tmp_path / "tokenizer.json") == ours
    library.save(str(tmp_path / "again.json"))
    assert load_tokenizer(tmp_path / "again.json") == ours


def test_other_files_are_refused() -> None:
    good = WordTokenizer.train([LINES]).to_dict()
    for change, message in (
        ({"vocab": {"a": 0, "<unk>": 1}}, "<eos> is missing"),
        ({"vocab": {"<eos>": 0, "<unk>": 2}}, "not 0, 1, 2"),
        ({"vocab": {}}, "a vocabulary of 0 words"),
        ({"vocab": {"<eos>": 0, "<unk>": True}}, "not 0, 1, 2"),
        ({"unk_token": "?"}, "its layout is another"),
    ):
        bad = json.loads(json.dumps(good)) | {"model": good["model"] | change}
        with pytest.raises(UserError, match=message):
            tokenizer_from_dict(bad)


def test_a_vocabulary_of_words_never_grows() -> None:
    tokenizer = WordTokenizer.train([LINES])
    assert tokenizer.extend("whale") is tokenizer


def test_what_cannot_be() -> None:
    for words in (["a", "a", "<unk>", "<eos>"], ["a", "<eos>"], ["a", "<unk>"]):
        with pytest.raises(ValueError, match=r"twice|missing"):
            WordTokenizer(words)
    for settings_ in ({"min_count": 0}, {"max_size": 2}, {"style": "rows"}):
        with pytest.raises(UserError, match=r"min_count|max_size|style"):
            TokenizerConfig.from_dict({"name": "word", **settings_})
    with pytest.raises(UserError, match="no word to make a vocabulary of"):
        TokenizerConfig.from_dict("word").build([" \n"])


READ = {
    "company 's shares ca n't rise , he says .": "company's shares can't rise, he says.",
    "$ N billion ( or # N ) & at&t": "$N billion (or #N) & at&t",
    "`` well '' -lrb- not yet -rrb- !": "\u201cwell\u201d (not yet)!",
    'he said " yes , it is " and left " home "': 'he said "yes, it is" and left "home"',
    "a well @-@ known 1 @,@ 000 @.@ 5 km": "a well-known 1,000.5 km",
    'a " b\nc " d " e': 'a "b\nc "d" e',
}


@pytest.mark.parametrize("text", READ)
def test_text_for_readers(text: str) -> None:
    tokenizer = WordTokenizer.train([text + "\n"])
    reader = tokenizer.reader()
    read = "".join(reader.feed(token) for token in tokenizer.encode(text).tolist()) + reader.flush()
    assert read == READ[text]
    assert tokenizer.decode(tokenizer.encode(text)) == text  # what scores are about stays as it was
