"""Text as a data module: which parts, which tokenizer, how much is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning
import numpy as np
import pytest
import small_lm
import torch

from rnnzoo.data.streams import IGNORED
from rnnzoo.errors import UserError
from rnnzoo.tasks import CharLM
from rnnzoo.text import CharTokenizer
from rnnzoo.training import StreamData, StreamDataConfig
from rnnzoo.training.stream_data import SmallTextWarning

pytestmark = [pytest.mark.filterwarnings(filter) for filter in small_lm.FILTERS]


@pytest.fixture
def text(tmp_path: Path) -> Path:
    return small_lm.write_text(tmp_path / "text.txt", 1000)


def decoded(data: StreamData, loader: Any) -> list[str]:
    """What each stream says, its first token included."""
    found: list[list[int]] = []
    for chunk in loader:
        found = found or [[token] for token in chunk.tokens[:, 0].tolist()]
        for row, targets in zip(found, chunk.targets.tolist(), strict=True):
            row += [target for target in targets if target != IGNORED]
    return [data.tokenizer.decode(row) for row in found]


def test_streams_are_the_text(text: Path) -> None:
    data = small_lm.stream_data(text, streams=5, eval_streams=3, test_part=True, chunk_len=7, random_phase=True)
    whole = text.read_text(encoding="utf-8")
    for loader, part, streams in (
        (data.train_dataloader(), whole[:800], 5),
        (data.val_dataloader(), whole[800:900], 3),
        (data.test_dataloader(), whole[900:], 3),
    ):
        rows = decoded(data, loader)
        assert len(rows) == streams
        assert rows[0] + "".join(row[1:] for row in rows[1:]) == part
    assert decoded(small_lm.stream_data(text), small_lm.stream_data(text).test_dataloader()) == decoded(
        small_lm.stream_data(text), small_lm.stream_data(text).val_dataloader()
    )  # without a test part


def test_fields_by_name_and_by_config(text: Path) -> None:
    config = StreamDataConfig(files=(str(text),), streams=2)
    assert StreamData(config, chunk_len=9).config == StreamData(files=[str(text)], streams=2, chunk_len=9).config


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"streamz": 2}, r"data\.streamz: unknown field \(did you mean 'streams'"),
        ({"corpus": "pydocs", "files": ["a.txt"]}, "exclude each other"),
        ({"streams": 0}, "1 <= streams"),
        ({"chunk_len": -1}, "1 <= chunk_len"),
        ({"eval_streams": 0}, "1 <= eval_streams"),
        ({"tokenizer": "chars"}, r"unknown tokenizer 'chars' \(did you mean 'char'"),
        ({"streams": "many"}, "expected int"),
    ],
)
def test_bad_fields(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        StreamData(fields)


@pytest.mark.parametrize(
    ("characters", "streams", "chunk_len", "enough"),
    [(99, 8, 11, None), (98, 8, 11, (1, 5)), (20, 1, 19, (1, 2)), (40, 64, 128, (1, 4)), (2000, 64, 128, (8, 16))],
)
def test_a_small_text_is_read_in_fewer_and_shorter_streams(
    tmp_path: Path, characters: int, streams: int, chunk_len: int, enough: tuple[int, int] | None
) -> None:
    text = small_lm.write_text(tmp_path / "a.txt", characters)
    data = small_lm.stream_data(text, streams=streams, chunk_len=chunk_len)
    if enough is None:
        data.setup("fit")
        assert (data.shape, data.batches_per_epoch) == ((streams, chunk_len), 1)
        return
    with pytest.warns(SmallTextWarning, match=rf"a\.txt: .* too few for {streams} streams x {chunk_len} steps: it is"):
        data.setup("fit")
    at_once, steps = enough
    assert data.shape == enough
    assert data.batches_per_epoch >= 6
    assert data.form() == {"tokens": int(characters * 0.9), "streams": at_once, "chunk_len": steps}
    assert sum(chunk.num_targets for chunk in data.loader("train")) == int(characters * 0.9) - 1


def test_a_model_brings_its_vocabulary(tmp_path: Path) -> None:
    """One that was pulled and is trained further on files, as in any Trainer; or the sizes are said."""
    text = small_lm.write_text(tmp_path / "a.txt", 2000)
    known = CharTokenizer.train([text.read_text() + "XYZ"])
    task = CharLM({"embedding_dim": 4, "backbone": {"cell": "gru", "hidden_size": 4}}, known)
    options: dict[str, Any] = {"max_steps": 1, "logger": False, "enable_checkpointing": False, "accelerator": "cpu"}
    options |= {"enable_progress_bar": False, "enable_model_summary": False, "limit_val_batches": 0}
    data = StreamData(files=text, streams=np.int64(2), chunk_len=np.int32(8))
    lightning.Trainer(**options).fit(task, datamodule=data)
    assert data.tokenizer is known
    assert data.config.to_dict()["streams"] == 2
    other = CharTokenizer.train([text.read_text()])
    data = StreamData(files=[text], tokenizer=other, streams=2, chunk_len=8)
    sizes = f"has {other.vocab_size} tokens, the model's has {known.vocab_size}, .*tokenizer=model.tokenizer"
    with pytest.raises(UserError, match=sizes):
        lightning.Trainer(**options).fit(task, datamodule=data)


def test_a_validation_part_of_one_character_is_found_in_setup(tmp_path: Path) -> None:
    text = small_lm.write_text(tmp_path / "a.txt", 5)
    with pytest.raises(UserError, match="the valid part has 1 tokens; a score needs 2"):
        small_lm.stream_data(text, streams=1, chunk_len=2).setup("fit")


def test_streams_and_ranks(text: Path) -> None:
    data = small_lm.stream_data(text, streams=4, eval_streams=3)

    class Rank:
        def __init__(self, rank: int, ranks: int) -> None:
            self.global_rank, self.world_size, self.limit_train_batches, self.current_epoch = rank, ranks, 1.0, 0

    rows: list[str] = []
    for rank in range(2):
        data.trainer = Rank(rank, 2)  # type: ignore[assignment]
        rows += decoded(data, data.train_dataloader())
    assert rows[0] + "".join(row[1:] for row in rows[1:]) == text.read_text(encoding="utf-8")[:900]
    data.trainer = Rank(0, 3)  # type: ignore[assignment]
    with pytest.raises(UserError, match="streams = 4 cannot be shared by 3 ranks"):
        data.train_dataloader()
    data.val_dataloader()


def test_more_evaluation_streams_than_tokens(text: Path) -> None:
    data = small_lm.stream_data(text, eval_streams=5000)
    (chunk,) = data.val_dataloader()
    assert chunk.tokens.shape == (99, 1)
    assert chunk.num_targets == 99


def test_the_vocabulary_is_that_of_the_whole_text(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("ab" * 50 + "z" * 11, encoding="utf-8")  # z only in the validation part
    assert small_lm.stream_data(path).tokenizer.token_texts() == ["a", "b", "z"]


def test_a_given_tokenizer_learns_the_new_characters(text: Path) -> None:
    base = CharTokenizer(["é", "a"])
    data = StreamData({"files": [str(text)]}, tokenizer=base)
    assert data.tokenizer.token_texts()[:2] == ["é", "a"]
    assert set(data.tokenizer.token_texts()[2:]) == set("bcdefgh ,.\n")


def test_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("äöü" * 50, encoding="utf-8")
    data = small_lm.stream_data(path, tokenizer="byte", streams=2)
    assert data.tokenizer.vocab_size == 256
    assert torch.cat([c.targets for c in data.train_dataloader()], 1)[0, 0] == "ä".encode()[1]


def test_a_part_that_is_not_there(text: Path) -> None:
    with pytest.raises(UserError, match=r"text\.txt: has no part 'test' \(it has train, valid\)"):
        small_lm.stream_data(text).ids("test")
