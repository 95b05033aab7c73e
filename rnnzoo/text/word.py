"""One token a word.

Two styles. *Lines* is that of the Penn Treebank and WikiText: words stand between spaces, and each line ends in
``<eos>``. *Raw* is for any text: words and punctuation marks, each with the one space before it if there is one, and
white space that is left over by itself, so that the tokens joined are the text again::

    lines   "no it was n't\\n"      no  it  was  n't  <eos>
    raw     "No, it wasn't.\\n"     No  ,  ␣it  ␣wasn't  .  \\n
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np

from ..errors import UserError
from ..ranges import PositiveCount, Range
from .base import (
    BLOCK,
    REPLACEMENT,
    Ids,
    StreamDecoder,
    Tokenizer,
    TokenizerConfig,
    Unknown,
    as_ids,
    id_dtype,
    require,
)
from .detokenize import Detokenizer

__all__ = ["EOS", "UNK", "Style", "WordTokenizer", "WordTokenizerConfig"]

EOS, UNK = "<eos>", "<unk>"
Style = Literal["lines", "raw"]

_RAW = " ?\\w+(?:['\u2019]\\w+)*| ?[^\\w\\s]|\\s"
_SURROGATE = re.compile("[\ud800-\udfff]")
_SPACES = r"[ \t\r\f\x0b]+"
_BETWEEN = re.compile(_SPACES)
_PART_OF_A_WORD = re.compile("[\x1c-\x1f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")
"""White space to str.split, which is twice as fast as a regular expression, but not here."""
_MAX_SIZE = 1 << 24

_LAYOUT: dict[str, Any] = {
    "version": "1.0",
    "truncation": None,
    "padding": None,
    "added_tokens": [],
    "normalizer": None,
    "pre_tokenizer": {"type": "Split", "pattern": {"Regex": _RAW}, "behavior": "Isolated", "invert": False},
    "post_processor": None,
    "decoder": {"type": "Fuse"},
    "model": {"type": "WordLevel", "vocab": {}, "unk_token": UNK},
}
_LINES_LAYOUT: dict[str, Any] = {
    **_LAYOUT,
    "normalizer": {"type": "Replace", "pattern": {"String": "\n"}, "content": f" {EOS} "},
    "pre_tokenizer": {"type": "Split", "pattern": {"Regex": _SPACES}, "behavior": "Removed", "invert": False},
    "decoder": None,
}


class _Vocabulary(dict[str, int]):
    """Token to id; a token that is not there is `unknown`."""

    unknown: int

    def __missing__(self, token: str) -> int:
        return self.unknown


class WordTokenizer(Tokenizer):
    """A table of words. Words without an id become ``<unk>``, so the vocabulary is closed: it never grows.

    `decode` gives back what `encode` read: exactly in the raw style, with single spaces between the words in the style
    of lines. `reader` gives the text as people write it.

    Args:
        words: distinct tokens in the order of their ids; ``<unk>`` is one of them, in the style of lines ``<eos>`` too.
        style: what a word is, see above.

    Raises:
        ValueError: a word appears twice, or a special one is missing.
    """

    kind = "word"

    def __init__(self, words: Sequence[str], style: Style = "lines") -> None:
        self.words, self.style = tuple(words), style
        self.vocab_size = len(self.words)
        self.dtype = id_dtype(self.vocab_size)
        self._ids = _Vocabulary(zip(self.words, range(self.vocab_size), strict=True))
        if len(self._ids) < self.vocab_size:
            raise ValueError("a word appears twice")
        for special in (UNK, EOS) if style == "lines" else (UNK,):
            if special not in self._ids:
                raise ValueError(f"{special} is missing")
        self.unknown = self._ids.unknown = self._ids[UNK]
        self.unwritten = (self.unknown,)
        # the text of each id, and of any other id the final entry
        self._texts = [*self.words, REPLACEMENT]
        if style == "lines":
            self._texts[self._ids[EOS]] = "\n"
        else:
            self._texts[self.unknown] = f" {REPLACEMENT}"

    @classmethod
    def train(
        cls, texts: Iterable[str], style: Style = "lines", *, min_count: int = 1, max_size: int | None = None
    ) -> WordTokenizer:
        """Takes the words that occur `min_count` times or more, the most frequent first, at most `max_size` in all.

        What is left out counts as ``<unk>``, which stands where so many occurrences put it. Equally frequent words are
        in the order of their code points.

        Raises:
            UserError: the texts hold no such word.
        """
        counts: Counter[str] = Counter()
        for text in texts:
            for tokens in _tokens(text, style):
                counts.update(tokens)
        special = {UNK: counts.pop(UNK, 0)} | ({EOS: counts.pop(EOS, 0)} if style == "lines" else {})
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        kept = [(word, count) for word, count in ordered if count >= min_count]
        if max_size is not None:
            kept = kept[: max(max_size - len(special), 0)]
        if not kept:
            times = f" that occurs {min_count} times" if min_count > 1 else ""
            raise UserError(f"the training text has no word{times} to make a vocabulary of")
        special[UNK] += sum(counts.values()) - sum(count for _, count in kept)
        ranked = sorted([*kept, *special.items()], key=lambda item: (-item[1], item[0]))
        return cls([word for word, _ in ranked], style)

    def encode(self, text: str, *, unknown: Unknown = "error") -> Ids:
        """The ids of `text`; ``"drop"`` leaves unknown words out instead of making them ``<unk>``."""
        parts = []
        for tokens in _tokens(text, self.style):
            if unknown == "drop":
                tokens = [token for token in tokens if token in self._ids]
            parts.append(np.fromiter(map(self._ids.__getitem__, tokens), self.dtype, len(tokens)))
        return np.concatenate(parts) if parts else np.empty(0, self.dtype)

    def decode(self, ids: Any) -> str:
        decoder = self.decoder()
        return "".join(decoder.feed(token) for block in as_ids(ids, self.vocab_size) for token in block.tolist())

    def decoder(self) -> StreamDecoder:
        return _WordDecoder(self._texts, self.style)

    def reader(self) -> StreamDecoder:
        return Detokenizer(self.decoder()) if self.style == "lines" else self.decoder()

    def token_texts(self) -> list[str]:
        return list(self.words)

    def unknown_words(self, text: str) -> list[str]:
        """The different tokens of `text` without an id, in the order of their first places."""
        every = (token for tokens in _tokens(text, self.style) for token in tokens)
        return list(dict.fromkeys(token for token in every if token not in self._ids))

    def extend(self, text: str) -> WordTokenizer:
        return self

    def to_dict(self) -> dict[str, Any]:
        layout = _LINES_LAYOUT if self.style == "lines" else _LAYOUT
        return {**layout, "model": {**layout["model"], "vocab": {word: i for i, word in enumerate(self.words)}}}

    @classmethod
    def claims(cls, data: Mapping[str, Any]) -> bool:
        return data.get("pre_tokenizer") in (_LAYOUT["pre_tokenizer"], _LINES_LAYOUT["pre_tokenizer"])

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], where: str = "tokenizer.json") -> WordTokenizer:
        model = data.get("model")
        vocab = model.get("vocab") if isinstance(model, Mapping) else None
        require(isinstance(vocab, Mapping), where, "model.vocab is missing")
        assert isinstance(vocab, Mapping)
        require(0 < len(vocab) <= _MAX_SIZE, where, f"a vocabulary of {len(vocab)} words")
        in_order = all(type(number) is int and number == i for i, number in enumerate(vocab.values()))
        require(in_order, where, "the ids are not 0, 1, 2, ... in this order")
        try:
            new = cls(list(vocab), "lines" if data.get("normalizer") else "raw")
        except ValueError as error:
            raise UserError(f"not a tokenizer that rnnzoo wrote: {error}", path=where) from None
        require(new.to_dict() == data, where, "its layout is another")
        return new


class _WordDecoder(StreamDecoder):
    """Joins raw tokens as they are, and words of a line by single spaces."""

    def __init__(self, texts: Sequence[str], style: Style) -> None:
        self._texts, self._spaced = texts, style == "lines"
        self._inside = False  # a line

    def feed(self, token: int) -> str:
        text = self._texts[token if 0 <= token < len(self._texts) else -1]
        if not self._spaced:
            return text
        before, self._inside = self._inside, text != "\n"
        return f" {text}" if before and self._inside else text

    def flush(self) -> str:
        self._inside = False
        return ""


@dataclass(frozen=True)
class WordTokenizerConfig(TokenizerConfig, name="word"):
    """The words of the training text.

    Args:
        style: ``"lines"``: words between spaces, ``<eos>`` at each line's end (PTB, WikiText); ``"raw"``: words and
            punctuation of any text.
        min_count: words that occur less often become ``<unk>``, as do all that the training part does not have.
        max_size: at most so many ids, the most frequent words.
    """

    style: Style = "lines"
    min_count: PositiveCount = 1
    max_size: Annotated[int, Range("3 <= x <= 1e8")] | None = None

    whole_text = False

    def build(self, texts: Iterable[str]) -> WordTokenizer:
        return WordTokenizer.train(texts, self.style, min_count=self.min_count, max_size=self.max_size)


def _tokens(text: str, style: Style) -> Iterator[list[str]]:
    """The tokens of `text`, some lines at a time; bounds the memory beside the result."""
    split = _splitter() if style == "raw" else None
    for block in _blocks(text):
        if split is not None:  # by the library, since its regular expressions are not Python's
            yield [piece for piece, _ in split.pre_tokenize_str(_SURROGATE.sub(REPLACEMENT, block))]
            continue
        marked = block.replace("\n", f" {EOS} ")
        yield [word for word in _BETWEEN.split(marked) if word] if _PART_OF_A_WORD.search(block) else marked.split()


def _splitter() -> Any:
    from tokenizers import Regex
    from tokenizers.pre_tokenizers import Split

    return Split(Regex(_RAW), "isolated")


def _blocks(text: str) -> Iterator[str]:
    """`text` in pieces of about `BLOCK` characters that end where lines do."""
    start = 0
    while start < len(text):
        end = text.find("\n", start + BLOCK) + 1 or len(text)
        yield text[start:end]
        start = end
