"""A text that there is nothing to learn from is trained on, with a word about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnzoo.tasks.doubts import doubts
from rnnzoo.training import StreamData

WORDS = "one two three four five six seven eight nine ten a b c d e f g h i j k l m n o p q\n" * 9
CHINESE = "".join(f"{chr(0x4E00 + n)}{chr(0x4E80 + n)}{chr(0x4F00 + n)}。\n" for n in range(60))


@pytest.mark.parametrize(
    ("text", "tokenizer", "said"),
    [
        ("a" * 900, {"name": "char"}, "the training part is one token, repeated: there is nothing to learn"),
        (CHINESE[:5] * 90, {"name": "word"}, "the vocabulary has 3 words; by spaces the text has hardly"),
        (WORDS + CHINESE * 9, {"name": "word", "max_size": 25}, "of the validation part is <unk>; by spaces the text"),
        (CHINESE, {"name": "char"}, None),
        (WORDS, {"name": "word"}, None),
    ],
)
def test_texts(text: str, tokenizer: object, said: str | None, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    section = {"files": [str(tmp_path / "a.txt")], "tokenizer": tokenizer, "streams": 2, "chunk_len": 5}
    data = StreamData(section)
    lines = doubts(data, {})
    assert all("\n" not in line and line.startswith("warning: ") for line in lines)
    assert (said in lines[0] and len(lines) == 1) if said else not lines


def test_an_epoch_of_one_step(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(WORDS, encoding="utf-8")
    data = StreamData(files=str(tmp_path / "a.txt"), streams=2, chunk_len=60)
    batches = data.batches_per_epoch
    assert batches > 2
    assert not doubts(data, {"accumulate_grad_batches": batches - 1})
    assert doubts(data, {"accumulate_grad_batches": batches})[0].startswith("warning: an epoch is one optimizer step")
    assert "streams or chunk_len" in doubts(data, {"limit_train_batches": 1.0, "accumulate_grad_batches": 999})[0]
