"""``rnnzoo data build``, and a model that is trained on what it makes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from small_training import SMALL, Outcome

from rnnzoo.data import load_shards
from rnnzoo.zoo import load, read_metrics

Command = Callable[..., Outcome]
Refused = Callable[..., str]


def test_from_a_text_to_shards_to_a_model(here: Path, command: Command) -> None:
    """The same losses as from the text itself, to the last bit; and the score can be measured again."""
    code, out, err = command("data", "build", "shards", "--text", "own.txt", "--shard-characters", "400")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "train: 2,700 tokens of 2,700 characters in 7 shards",
        "valid: 300 tokens of 300 characters in 1 shard",
        "shards: train with `rnnzoo train RECIPE --shards shards`",
    ]
    assert command("data", "build", "shards", "--text", "own.txt", "--shard-characters", "400").out == out
    assert command("train", "char-lstm.own-text", "--shards", "shards", *SMALL, "--runs", "a").code == 0
    assert command("train", "char-lstm.own-text", "--text", "own.txt", *SMALL, "--runs", "b").code == 0
    run, other = Path("a/char-lstm.own-text/1"), Path("b/char-lstm.own-text/1")
    assert (run / "model.safetensors").read_bytes() == (other / "model.safetensors").read_bytes()
    assert (run / "tokenizer.json").read_bytes() == (other / "tokenizer.json").read_bytes()
    metrics = read_metrics(run)
    assert metrics["scores"] == read_metrics(other)["scores"]
    assert metrics["corpus"] == read_metrics(other)["corpus"]
    assert json.loads((run / "config.json").read_text())["data"]["shards"] == "shards"
    code, out, _ = command("test", str(run), "--text", "shards")
    assert code == 0
    assert f"{metrics['nll']:.4f} nats" in out
    assert load(run).generate(max_new_tokens=3)[0]


def test_tokenizers(here: Path, command: Command) -> None:
    words = ["data", "build", "s", "--text", "own.txt", "--tokenizer"]
    assert command(*words, "{name: bpe, vocab_size: 270}").code == 0
    tokenizer = load_shards("s").tokenizer
    assert tokenizer is not None
    assert (tokenizer.kind, tokenizer.vocab_size) == ("bpe", 270)
    for given in ("s", "s/tokenizer.json"):
        words[2] = f"{given.replace('/', '-')}2"
        assert command(*words, given).code == 0
        assert load_shards(words[2]).tokenizer == tokenizer


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["s", "--text", "none.txt"], "none.txt: no such file"),
        (["s", "--text", "*.md"], "*.md: fits no file"),
        (["s", "--text", "own.txt", "--tokenizer", "words"], "unknown tokenizer 'words' (did you mean 'word'?)"),
        (["s", "--text", "own.txt", "--tokenizer", "none.json"], "none.json: is missing"),
        (["s", "--text", "own.txt", "--tokenizer", "{name: bpe, size: 3}"], "tokenizer.size: unknown field"),
        (["s", "--text", "own.txt", "--shard-characters", "-1"], "--shard-characters: 1 <= N <= 1e12; got -1"),
        (["own.txt", "--text", "own.txt"], "own.txt: is not a folder"),
        ([".", "--text", "own.txt"], ".: holds something else, and no shards: name another folder"),
        (["s", "--hub", "./nowhere"], "hub dataset './nowhere' cannot be loaded"),
    ],
)
def test_what_will_not_do(refused: Refused, words: list[str], said: str) -> None:
    assert said in refused("data", "build", *words)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--shards", "nowhere"], "nowhere: no such folder"),
        (["--shards", "."], ".: holds no complete corpus of shards: `rnnzoo data build` makes one"),
        (["--shards", "s", "--text", "own.txt"], "--shards and --text are two texts: give one"),
    ],
)
def test_training_on_what_is_no_shards(refused: Refused, words: list[str], said: str) -> None:
    assert said in refused("train", "char-lstm.own-text", *SMALL, *words)
