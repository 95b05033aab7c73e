"""Scores: the same whatever the chunks, and the same when measured again."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rnnzoo.data import load_corpus
from rnnzoo.errors import UserError
from rnnzoo.models import LanguageModel
from rnnzoo.zoo import cold_windows, load_folder, measure, save_folder
from rnnzoo.zoo.score import score_entry

IDS = np.random.default_rng(3).integers(0, 12, 1000).astype(np.uint8)


def by_hand(model: LanguageModel, ids: np.ndarray[Any, Any]) -> float:
    """Nats of one stream, token by token, in float64 after the model's own float32."""
    tokens = torch.from_numpy(ids.astype(np.int64))[None]
    with torch.no_grad():
        logits = model.eval()(tokens[:, :-1])[0]
    return float(torch.nn.functional.cross_entropy(logits[0].double(), tokens[0, 1:], reduction="sum"))


@pytest.mark.parametrize("chunk_tokens", [5, 64, 999, 10**6])
@pytest.mark.parametrize("streams", [1, 3, 16])
def test_chunks_change_nothing(model: LanguageModel, chunk_tokens: int, streams: int) -> None:
    totals = measure(model, IDS, streams, chunk_tokens=chunk_tokens)
    reference = measure(model, IDS, streams)
    assert totals.tokens == reference.tokens == 999
    assert totals.nats == pytest.approx(reference.nats, rel=1e-6)


def test_one_stream_is_one_text(model: LanguageModel) -> None:
    totals = measure(model, IDS)
    assert totals.nats == pytest.approx(by_hand(model, IDS), rel=1e-6)
    assert totals.nll == pytest.approx(totals.nats / 999)
    assert totals.ppl == pytest.approx(math.exp(totals.nll))


def test_streams_begin_without_a_past(model: LanguageModel) -> None:
    """999 predictions in 4 streams: 250, 250, 250, 249."""
    parts = [IDS[0:251], IDS[250:501], IDS[500:751], IDS[750:1000]]
    assert measure(model, IDS, 4).nats == pytest.approx(sum(by_hand(model, part) for part in parts), rel=1e-6)


def test_cold_windows(model: LanguageModel) -> None:
    """999 predictions in windows of 333."""
    parts = [IDS[0:334], IDS[333:667], IDS[666:1000]]
    totals = cold_windows(model, IDS, 300)
    assert totals.tokens == 999
    assert totals.nats == pytest.approx(sum(by_hand(model, part) for part in parts), rel=1e-6)


def test_cold_windows_longer_than_the_text(model: LanguageModel) -> None:
    assert cold_windows(model, IDS, 5000).nats == pytest.approx(measure(model, IDS).nats, rel=1e-6)


def test_more_streams_than_tokens(model: LanguageModel) -> None:
    assert measure(model, IDS[:4], 100).tokens == 3


@pytest.mark.parametrize("length", [0, 1])
def test_too_short_for_a_score(model: LanguageModel, length: int) -> None:
    with pytest.raises(UserError, match=f"^poem: has {length} tokens; a score needs 2$"):
        measure(model, IDS[:length], what="poem")


def test_measuring_is_an_evaluation(make_model: Callable[..., LanguageModel]) -> None:
    """Dropout is off, and the model is as it was: mode, weights, gradients, random numbers."""
    model = make_model(output_dropout=0.5, embedding_dropout=0.5).train()
    random = torch.get_rng_state()
    assert measure(model, IDS).nats == measure(model, IDS).nats
    assert model.training
    assert all(parameter.grad is None for parameter in model.parameters())
    assert torch.equal(torch.get_rng_state(), random)


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "own.txt"
    path.write_text("".join("abcdefgh ,.\n"[i] for i in IDS), encoding="utf-8", newline="")
    return path


@pytest.fixture
def run(model: LanguageModel, text: Path, tmp_path: Path) -> Path:
    """A run on one's own text, its score on record."""
    data = {"corpus": None, "files": ["own.txt"], "eval_streams": 2}
    save_folder(tmp_path / "run", model, data=data)
    score = score_entry(model, tmp_path / "run", files=[str(text)])
    metrics = {
        "split": "valid",
        "scores": {"valid": {"nll": score["nll"]}},
        "corpus": {"sha256": score["corpus_sha256"]},
    }
    save_folder(tmp_path / "run", model, data=data, metrics=metrics)
    return tmp_path / "run"


def test_measured_again_it_is_what_is_on_record(run: Path, text: Path) -> None:
    score = score_entry(load_folder(run), run, files=[str(text)])
    assert score["nll"] == score["recorded_nll"]
    assert score["corpus_sha256"] == score["recorded_sha256"]
    assert score["tokens"] == 99  # the last tenth of 1,000 characters
    assert score["eval_streams"] == 2
    assert score["bits"] == pytest.approx(score["nll"] / math.log(2))
    assert score["ppl"] == pytest.approx(math.exp(score["nll"]))


def test_eval_streams_are_those_of_the_config(run: Path, text: Path, model: LanguageModel) -> None:
    ids = model.tokenizer.encode(text.read_text()[900:])
    assert score_entry(model, run, files=[str(text)])["nll"] == measure(model, ids, 2).nll


def test_own_text_has_to_be_named_again(run: Path, model: LanguageModel) -> None:
    with pytest.raises(UserError, match=r"your own text \(own.txt\): say where it is with --text"):
        score_entry(model, run)


def test_another_text_is_noticed(run: Path, text: Path, model: LanguageModel) -> None:
    text.write_text(text.read_text() + "a")
    score = score_entry(model, run, files=[str(text)])
    assert score["corpus_sha256"] != score["recorded_sha256"]


def test_no_such_part(run: Path, text: Path, model: LanguageModel) -> None:
    with pytest.raises(UserError, match=r"own.txt: has no part 'test' \(it has train, valid\)"):
        score_entry(model, run, split="test", files=[str(text)])


def test_text_with_unknown_characters(run: Path, text: Path, model: LanguageModel) -> None:
    text.write_text(text.read_text() + "Ω")
    with pytest.raises(UserError, match="Ω"):
        score_entry(model, run, files=[str(text)])


def test_model_without_a_text(folder: Path, model: LanguageModel, text: Path) -> None:
    with pytest.raises(UserError, match=r"its config.json names no text: say with --text"):
        score_entry(model, folder)
    score = score_entry(model, folder, files=[str(text)])
    assert score["recorded_nll"] is None
    assert score["recorded_sha256"] is None
    assert score["eval_streams"] == 1


@pytest.mark.parametrize(
    "data",
    [
        {"corpus": 3},
        {"hub": ["a"]},
        {"corpus": "pydocs", "eval_streams": 0},
        {"corpus": "pydocs", "eval_streams": True},
    ],
)
def test_data_section_that_rnnzoo_did_not_write(folder: Path, model: LanguageModel, data: dict[str, Any]) -> None:
    save_folder(folder, model, data=data)
    with pytest.raises(UserError):
        score_entry(model, folder)


@pytest.mark.parametrize("scores", [None, [], {"valid": 3}, {"valid": {"nll": "1.5"}}])
def test_a_record_that_is_none(run: Path, text: Path, model: LanguageModel, scores: object) -> None:
    save_folder(run, model, metrics={"scores": scores, "corpus": "pydocs", "split": 3})
    score = score_entry(model, run, files=[str(text)])
    assert score["recorded_nll"] is None
    assert score["recorded_sha256"] is None


def test_catalogue_corpus_is_measured_where_it_is(folder: Path, model: LanguageModel) -> None:
    corpus = load_corpus("pydocs")
    larger = model.with_tokenizer(model.tokenizer.extend("".join(corpus.splits.values())))
    save_folder(folder, larger, data={"corpus": "pydocs", "eval_streams": 64})
    score = score_entry(load_folder(folder), folder)
    assert score["corpus"] == "pydocs"
    assert score["tokens"] == len(corpus.splits["valid"]) - 1
