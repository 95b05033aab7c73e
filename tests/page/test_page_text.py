"""Tokenizers in the page give the ids, and the texts, of those here."""

from __future__ import annotations

import json
from pathlib import Path

from node import node

from rnnzoo.page.contents import tokenizer_json
from rnnzoo.text import BPETokenizer, ByteTokenizer, CharTokenizer, Tokenizer, WordTokenizer
from rnnzoo.text.spaces import plain_spaces

BASIC = "".join(map(chr, [*range(0x20, 0x530), *range(0x2000, 0x2070), *range(0x3040, 0x30FF)]))
TEXTS = [
    "",
    "It's the 3rd of May, isn't it?  We'll\tsee:\n\n  yes…",
    "naïve cafe\u0301 — “quoted” 'x' Ünïcödé 漢字かな 👩‍👩‍👧 \u202eabc\u202c",
    " \u00a0\u2028\u2029\r\n\x1c\x85 a\u200bb \ufeff",
    'no it was n\'t <eos> <unk> the cat ( said ) " so " , \n and @-@ that',
    "12³ Ⅻ ٣٤ a_b c‿d don\u2019t rock'n'roll",
    BASIC,
]


def tokenizers() -> list[Tokenizer]:
    return [
        CharTokenizer.train(TEXTS[:3]),
        CharTokenizer.train(TEXTS, nfc=True, min_count=2),
        ByteTokenizer(),
        BPETokenizer.train([*TEXTS, "the cat and the dog " * 5, "isn't it? " * 4], 420),
        WordTokenizer.train(TEXTS, "lines"),
        WordTokenizer.train(TEXTS, "raw", min_count=1),
        WordTokenizer(["<eos>", "<unk>", "the", "cat", "(", ")", '"', "@-@", ",", "n't", "was"], "lines"),
    ]


def test_ids_and_texts_are_the_same(tmp_path: Path) -> None:
    made = tokenizers()
    cases = tmp_path / "cases.json"
    cases.write_text(json.dumps({"tokenizers": [tokenizer_json(one) for one in made], "texts": TEXTS}))
    found = node("tokenize.mjs", cases)
    assert found["plain"] == [plain_spaces(text) for text in TEXTS]
    for tokenizer, by_text in zip(made, found["found"], strict=True):
        for text, (ids, read) in zip(TEXTS, by_text, strict=True):
            missing = "drop" if tokenizer.kind == "char" and not getattr(tokenizer, "has_unk", False) else "error"
            expected = tokenizer.encode(text, unknown=missing).tolist()
            assert ids == expected, (tokenizer, text[:40])
            reader = tokenizer.reader()
            assert read == "".join(map(reader.feed, expected)) + reader.flush()
