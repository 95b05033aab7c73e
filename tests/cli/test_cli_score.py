"""Evaluation that adapts, pairs of sentences and next tokens, as a user calls them."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from small_training import Outcome, contents

from benchmarks import adapt
from rnnzoo.backbones import StackConfig
from rnnzoo.inference.scoring.adaptation import Adaptation, default_cache, default_dynamic
from rnnzoo.inference.scoring.sentence_pairs import score_pairs
from rnnzoo.inference.scoring.text import score_adapting, score_text
from rnnzoo.models import LanguageModel, LanguageModelConfig
from rnnzoo.text import CharTokenizer, Tokenizer, WordTokenizer
from rnnzoo.zoo import load_folder, save_folder

Command = Callable[..., Outcome]
NAMES = ["static", "dynamic", "cache", "dynamic_cache"]
TEXT = "abc. défgh\n" * 20


def saved(path: Path, tokenizer: Tokenizer, task: str) -> LanguageModel:
    torch.manual_seed(0)
    model = LanguageModelConfig(8, backbone=StackConfig(hidden_size=12)).build(tokenizer)
    save_folder(path, model, task=task)
    return load_folder(path)


@pytest.fixture
def model(here: Path) -> LanguageModel:
    """It is in ./chars."""
    (here / "t.txt").write_text(TEXT, encoding="utf-8")
    return saved(here / "chars", CharTokenizer(sorted("\n abcdefgh.é")), "char_lm")


@pytest.fixture
def words(here: Path) -> LanguageModel:
    """It is in ./words."""
    return saved(here / "words", WordTokenizer(["<eos>", "<unk>", "the", "cat", "sat"]), "word_lm")


def test_a_run_is_tested_with_all_that_adapts(run: Path, here: Path, command: Command) -> None:
    before = contents(run)
    plain = json.loads(command("test", str(run), "--text", "own.txt", "--json").out)
    code, out, err = command("test", str(run), "--text", "own.txt", "--json", "--dynamic", "--cache")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert {key: value for key, value in found.items() if key not in NAMES} == plain
    assert list(found)[-4:] == NAMES
    for name in NAMES:
        assert set(found[name]) == {"nll", "ppl", "bits", "tokens", "eval_streams", "settings"}
        assert (found[name]["tokens"], found[name]["eval_streams"]) == (plain["tokens"], 1)
    assert found["static"]["settings"] == {}
    both = {"dynamic": default_dynamic("char").to_dict(), "cache": default_cache("char").to_dict()}
    assert found["dynamic_cache"]["settings"] == both
    if plain["eval_streams"] == 1:
        assert found["static"]["nll"] == pytest.approx(plain["nll"], rel=1e-6)
    assert found["dynamic"]["nll"] < found["static"]["nll"]
    assert contents(run) == before
    shown = command("test", str(run), "--text", "own.txt", "--dynamic", "--cache").out
    for name in NAMES:
        assert f"{found[name]['nll']:.4f}" in shown


def test_rms_reads_the_training_text(run: Path, here: Path, command: Command) -> None:
    words = ["--dynamic", "rms", "--dynamic-lr", "0.001", "--dynamic-decay", "0.1", "--dynamic-segment", "9"]
    found = json.loads(command("test", str(run), "--text", "own.txt", "--json", *words).out)
    settings = default_dynamic("char", "rms").replace(lr=0.001, decay=0.1, segment=9)
    assert found["dynamic"]["settings"] == {"dynamic": settings.to_dict()}
    assert found["dynamic"]["nll"] != found["static"]["nll"]
    assert "cache" not in found
    scored = command("score", str(run), "own.txt", "--text", "own.txt", "--json", *words)
    assert json.loads(scored.out)["dynamic"]["settings"] == {"dynamic": settings.to_dict()}


def test_rms_without_its_text(run: Path, model: LanguageModel, refused: Callable[..., str]) -> None:
    assert "--text" in refused("score", str(run), "own.txt", "--dynamic", "rms")
    assert "names no text" in refused("score", "./chars", "t.txt", "--dynamic", "rms")


def test_a_text_is_scored_with_all_that_adapts(model: LanguageModel, here: Path, command: Command) -> None:
    words = ["--dynamic", "--dynamic-lr", "0.3", "--cache", "50", "--cache-theta", "1", "--cache-lambda", "0.2"]
    dynamic, cache = (
        default_dynamic("char").replace(lr=0.3),
        default_cache("char").replace(window=50, theta=1.0, mix=0.2),
    )
    expected = score_adapting(model, TEXT, Adaptation(dynamic, cache))
    code, out, err = command("score", "./chars", "t.txt", "--json", "--tsv", "o.tsv", *words)
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert list(expected) == NAMES
    for name, scores in expected.items():
        assert found[name]["nll"] == scores.totals.nll
        assert found[name]["bpc"] == scores.totals.bpc
        assert found[name]["bits"] == found[name]["bits_per_token"]
    assert found["nll"] == found["static"]["nll"]
    assert found["dynamic"]["settings"] == {"dynamic": dynamic.to_dict()}
    assert found["dynamic_cache"]["settings"]["cache"] == cache.to_dict()
    header = (here / "o.tsv").read_text(encoding="utf-8").split("\n")[0]
    assert header == "index\ttoken\tbits\tdynamic_bits\tcache_bits\tdynamic_cache_bits"
    shown = command("score", "./chars", "t.txt", *words).out
    assert f"{found['dynamic_cache']['bits_per_byte']:.4f}" in shown
    assert "lr 0.3" in shown


def test_the_words_a_model_does_not_know(words: LanguageModel, here: Path, command: Command) -> None:
    (here / "w.txt").write_text("the zebra sat\nthe cat\n")
    found = json.loads(command("score", "./words", "w.txt", "--json").out)
    assert found == score_text(words, "the zebra sat\nthe cat\n").to_dict()
    assert (found["unknown"], found["tokens"], found["characters"]) == (1, 7, 22)
    assert "1  tokens (14.3%) were read as <unk>" in command("score", "./words", "w.txt").out
    code, out, err = command("score", "./words", "w.txt", "--json", "--unknown", "drop")
    assert (code, json.loads(out)["tokens"], json.loads(out)["unknown"]) == (0, 6, 0)
    assert json.loads(out)["dropped"] == 1
    assert "'zebra'" in err


PAIRS = "the cat sat\tcat the sat\r\nthe zebra\tthe cat\nthe\tthe"


def test_pairs(words: LanguageModel, here: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "p.tsv").write_text(PAIRS, newline="")
    expected = score_pairs(words, [("the cat sat", "cat the sat"), ("the zebra", "the cat"), ("the", "the")])
    better = sum(pair.likelier == 1 for pair in expected)
    code, out, err = command("score", "./words", "--pairs", "p.tsv", "--json", "--tsv", "o.tsv")
    assert (code, err) == (0, "")
    found = json.loads(out)
    results = found.pop("results")
    counts = {"pairs": 3, "first_likelier": better, "ties": 1, "accuracy": better / 3, "unknown": 1}
    assert found == counts
    assert [each["likelier"] for each in results] == [pair.likelier for pair in expected]
    assert [each["nats"] for each in results] == [[totals.nats for totals in pair.totals] for pair in expected]
    assert results[1]["unknown"] == [1, 0]
    assert (here / "o.tsv").read_text().count("\n") == 4
    assert command("score", "./words", "--pairs", "p.tsv", "--tsv", "-").out == (here / "o.tsv").read_text()
    shown = command("score", "./words", "--pairs", "p.tsv").out
    assert f"{better / 3:.2%}" in shown
    assert "1  tokens were read as <unk>" in shown
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(PAIRS.encode())))
    assert command("score", "./words", "--pairs", "-").out == shown


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a\tb\nabc\n", "p.tsv, line 2: has 1 column; a pair is two sentences with one tab between"),
        ("a\tb\tc\n", "p.tsv, line 1: has 3 columns; a pair is two sentences with one tab between"),
        ("a\tb\n\nc\n", "p.tsv, line 3: has 1 column; a pair is two sentences with one tab between"),
        ("\n \n", "p.tsv: holds no pairs"),
        ("a\tb\n\tb\n", "p.tsv, line 2: the first sentence is empty"),
        ("a\t \n", "p.tsv, line 1: the second sentence is empty"),
        ("a\tb\na\tZ\n", "p.tsv, line 2: the vocabulary has no 'Z' (U+005A)"),
        ("", "p.tsv: is empty"),
    ],
)
def test_pairs_that_are_none(
    model: LanguageModel, here: Path, refused: Callable[..., str], content: str, message: str
) -> None:
    (here / "p.tsv").write_text(content)
    assert refused("score", "./chars", "--pairs", "p.tsv").startswith(message)


def test_pairs_with_characters_left_out(model: LanguageModel, here: Path, command: Command) -> None:
    (here / "p.tsv").write_text("aZb\tc\n")
    code, out, err = command("score", "./chars", "--pairs", "p.tsv", "--unknown", "drop", "--json")
    assert code == 0
    assert "'Z'" in err
    assert json.loads(out)["results"][0]["nats"][0] == pytest.approx(score_text(model, "ab\n").totals.nats, rel=1e-6)
    (here / "p.tsv").write_text("a\tb\nZ\tc\n")
    code, out, err = command("score", "./chars", "--pairs", "p.tsv", "--unknown", "drop")
    assert (code, out) == (2, "")
    assert err.splitlines()[-1] == "rnnzoo: p.tsv, line 2: a sentence has no token that the model knows"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["t.txt", "--dynamic-lr", "1"], "--dynamic-lr goes with --dynamic"),
        (["t.txt", "--cache-theta", "1"], "--cache-theta goes with --cache"),
        (["t.txt", "--dynamic", "--dynamic-lr", "-1"], "--dynamic-lr: 0 <= N <= 1e6; got -1"),
        (["t.txt", "--dynamic", "--dynamic-lr", "1e6"], "dynamic evaluation diverged"),
        (["t.txt", "--dynamic", "--dynamic-segment", "0"], "segment"),
        (["t.txt", "--cache", "0"], "window: 1 <= window"),
        (["t.txt", "--cache", "--cache-lambda", "1"], "lambda"),
        ([], "give one of: FILE, --pairs FILE"),
        (["t.txt", "--pairs", "t.txt"], "give one of: FILE, --pairs FILE"),
        (["--pairs", "t.txt", "--cache"], "--dynamic and --cache follow one text"),
        (["--pairs", "nowhere.tsv"], "nowhere.tsv: no such file"),
    ],
)
def test_what_cannot_be_asked(
    model: LanguageModel, refused: Callable[..., str], words: list[str], message: str
) -> None:
    assert message in refused("score", "./chars", *words)


def test_next_tokens(model: LanguageModel, words: LanguageModel, command: Command, refused: Callable[..., str]) -> None:
    code, out, err = command("generate", "./words", "--prompt", "the cat", "--next", "2", "--temperature", "5")
    assert (code, err) == (0, "")
    assert [(token, p) for p, token in (line.split("\t") for line in out.splitlines())] == [
        (token, f"{p:.6f}") for token, p in words.next_tokens("the cat", 2)
    ]
    shown = command("generate", "./chars", "--next", "100").out
    assert {line.split("\t")[1] for line in shown.splitlines()} >= {"\\n", " ", "a", "é"}
    assert refused("generate", "./chars", "--next", "0").endswith("must be 1 or more, not 0")


def test_the_tuner_chooses_on_one_text_and_measures_on_another(
    run: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--model", str(run), "--text", "own.txt", "--methods", "sgd", "cache", "--json", "found.json"]
    grid = ["--lr", "0.01", "0.3", "--decay", "0", "--window", "50", "--theta", "1", "--mix", "0.1", "0.3"]
    adapt.main([*words, *grid, "--tokens", "60"])
    found = json.loads((here / "found.json").read_text())
    assert (found["chosen_on"], found["measured_on"]) == ("first half of valid", "second half of valid")
    assert [row["method"] for row in found["grid"]] == ["static", "sgd", "sgd", "cache", "cache"]
    assert {row["tokens"] for row in found["grid"]} == {60}
    best = {row["method"]: row for row in found["best"]}
    assert list(best) == ["static", "sgd", "sgd, cache", "cache"]
    for method in ("sgd", "cache"):
        tried = [row for row in found["grid"] if row["method"] == method]
        assert best[method]["settings"] == min(tried, key=lambda row: row["nll"])["settings"]
        assert best[method]["settings"].items() <= best["sgd, cache"]["settings"].items()
    assert {row["tokens"] for row in found["best"]} == {149}  # the last tenth of 3,000 characters, its second half
    assert f"{best['sgd']['nll']:.4f}" in capsys.readouterr().out
