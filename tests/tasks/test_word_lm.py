"""Word models from text to folder and back: the task's second face."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import pytest
import small_lm
import torch

import rnnzoo
from rnnzoo.cli import main
from rnnzoo.errors import UserError
from rnnzoo.files import read_json
from rnnzoo.models import LanguageModel, LanguageModelConfig
from rnnzoo.tasks import Recipe, WordLM, train
from rnnzoo.text import WordTokenizer
from rnnzoo.training import StreamData, average_state_dicts
from rnnzoo.zoo import measure, read_metrics

pytestmark = [pytest.mark.filterwarnings(filter) for filter in small_lm.FILTERS]

WORDS = ["the", "a", "cat", "dog", "bird", "saw", "heard", "and", "then", "it", "was", "gone", ",", ".", "<unk>"]

RECIPE = """
task: word_lm
data: {files: [TEXT], streams: 4, chunk_len: 7, test_part: true}
model:
  embedding_dim: 10
  embedding_dropout: 0.1
  backbone: {cell: lstm, hidden_size: 12, num_layers: 2, output_size: 10, locked_dropout: true, weight_dropout: 0.2}
  tied: true
optimizer: {name: adamw, lr: 3e-2}
regularization: {activation: 0.1, temporal: 0.1}
trainer: {max_epochs: 4, enable_progress_bar: false, gradient_clip_val: 1.0}
"""


def write_words(path: Path, count: int = 1500) -> Path:
    """Lines of words with something to learn in them."""
    draw, place, found = random.Random(0), 0, []
    for _ in range(count):
        found.append("\n" if draw.random() < 0.1 else WORDS[place])
        place = (2 * place + draw.randrange(2)) % len(WORDS)
    path.write_text(" ".join(found) + "\n", encoding="utf-8", newline="")
    return path


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("words")
    recipe = folder / "word-small.test.yaml"
    recipe.write_text(RECIPE.replace("TEXT", str(write_words(folder / "text.txt"))))
    return train(recipe, runs=folder / "runs")


def test_the_run(finished: Path) -> None:
    metrics = read_metrics(finished)
    assert metrics["task"] == "word_lm"
    assert metrics["split"] == "test"
    assert metrics["ppl"] == pytest.approx(math.exp(metrics["nll"]))
    assert metrics["ppl"] < len(WORDS)  # it has learnt something
    assert "cold_window" not in metrics["scores"]["test"]
    assert "sample" not in metrics  # a closed vocabulary invents no words
    config = read_json(finished / "config.json")
    assert config["task"] == "word_lm"
    assert config["data"]["tokenizer"] == {"name": "word", "style": "lines", "min_count": 1, "max_size": None}


def test_the_model_from_its_folder(finished: Path) -> None:
    model = rnnzoo.load(finished)
    assert isinstance(model.tokenizer, WordTokenizer)
    assert model.head.weight is model.embedding.weight
    text = model.generate("the cat", max_new_tokens=30, seed=0)[0]
    assert " ," not in text  # as people write
    assert text.startswith((" ", ",", ".", "\n"))  # goes on where the prompt ended
    known = {word.strip(",.") for word in ("the cat" + text).split()}
    assert known <= {*model.tokenizer.words, ""}
    module = WordLM.from_pretrained(str(finished))
    assert module.generate("the cat", max_new_tokens=30, seed=0)[0] == text


def test_the_command(finished: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text = finished.parents[2] / "text.txt"
    assert main(["test", str(finished), "--text", str(text), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ppl"] == pytest.approx(read_metrics(finished)["ppl"], rel=1e-6)
    own = tmp_path / "own.txt"
    own.write_text("the cat saw a whale .\n")
    assert main(["score", str(finished), str(own), "--json"]) == 0
    totals = json.loads(capsys.readouterr().out)
    assert totals["tokens"] == 7  # six words and <eos>
    assert totals["characters"] == totals["bytes"] == 22
    assert main(["score", str(finished), str(own), "--tsv", "-"]) == 0
    assert [line.split("\t")[1] for line in capsys.readouterr().out.splitlines()[1:]] == (
        ["the", "cat", "saw", "a", "<unk>", ".", "<eos>"]
    )


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"tied": True},
        {"adaptive_cutoffs": [4, 8], "output_projection": 16},
        {"adaptive_cutoffs": [4], "tied": True},
    ],
)
def test_how_the_text_is_cut_changes_no_score(tmp_path: Path, options: dict[str, Any]) -> None:
    torch.manual_seed(0)  # weights twice as large may make a network that enlarges the last bit
    text = write_words(tmp_path / "text.txt", 700).read_text()
    tokenizer = WordTokenizer.train([text])
    backbone = {"cell": "lstm", "hidden_size": 20, "num_layers": 2, "output_size": 12, "weight_dropout": 0.5}
    model = LanguageModelConfig.from_dict({"embedding_dim": 12, "backbone": backbone, **options}).build(tokenizer)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2.0)
    ids = tokenizer.encode(text)
    for streams in (1, 4):
        scores = [measure(model, ids, streams, chunk_tokens=streams * length).nll for length in (1, 35, 200)]
        assert max(scores) - min(scores) < 1e-6
        assert measure(model, ids, streams).nll == pytest.approx(scores[0], abs=1e-6)


def test_projections_and_ties(tmp_path: Path) -> None:
    tokenizer = WordTokenizer.train(["a b c d\n"])
    fields = {"embedding_dim": 5, "embedding_projection": 7, "output_projection": 5, "tied": True}
    config = LanguageModelConfig.from_dict({"backbone": {"hidden_size": 6}, **fields})
    model = config.build(tokenizer).eval()
    assert model.backbone.input_size == 7
    assert model.head.weight is model.embedding.weight
    tokens = torch.randint(6, (2, 5))
    logits, _ = model(tokens)
    state = model.initial_state(2)
    for t in range(5):
        one, state = model.step(tokens[:, t], state)
        torch.testing.assert_close(one, logits[:, t])
    with pytest.raises(ValueError, match="output_projection: 5 would make them fit"):
        LanguageModelConfig.from_dict({"backbone": {"hidden_size": 6}, "embedding_dim": 5, "tied": True}).build(
            tokenizer
        )


def test_the_first_weights_in_a_range() -> None:
    tokenizer = WordTokenizer.train(["a b c d\n"])
    model = LanguageModelConfig(init_range=0.03).build(tokenizer)
    for name, parameter in model.named_parameters():
        assert 0.01 < parameter.abs().max() <= 0.03, name


def test_one_mask_of_dropped_weights_for_a_whole_forward() -> None:
    """Drawn anew for each chunk, used for all its steps, absent in evaluation; the gradient is the raw weight's."""
    tokenizer = WordTokenizer.train(["a b c d\n"])
    backbone = {"cell": "lstm", "hidden_size": 8, "weight_dropout": 0.5}
    model = LanguageModelConfig.from_dict({"embedding_dim": 4, "backbone": backbone}).build(tokenizer)
    tokens = torch.randint(6, (2, 9))
    whole = model(tokens)[0]
    assert not torch.equal(whole, model(tokens)[0])
    model.eval()
    assert torch.equal(model(tokens)[0], model(tokens)[0])
    names = [name for name, _ in model.named_parameters() if "weight_hh" in name]
    assert names == ["backbone.layers.0.parametrizations.weight_hh.original"]
    model.train().nll(tokens, tokens)[0].backward()
    gradient = model.get_parameter(names[0]).grad
    assert gradient is not None
    assert 0.3 < (gradient == 0).float().mean() < 0.7  # what was dropped has none


def test_a_step_at_the_rate_of_its_chunk(tmp_path: Path) -> None:
    """With random lengths, the learning rate goes with the length, and the schedule does not notice."""
    data = small_lm.stream_data(small_lm.write_text(tmp_path / "t.txt"), variable_chunks=True, streams=2)
    seen: list[tuple[float, float]] = []

    class Watch(small_lm.Losses):
        def on_before_optimizer_step(self, trainer: Any, pl_module: Any, optimizer: Any) -> None:
            seen.append((optimizer.param_groups[0]["lr"], pl_module._scale))

    module = small_lm.task(data, optimizer={"name": "sgd", "lr": 0.5}, schedule="constant")
    watch = Watch()
    small_lm.trainer(watch, limit_val_batches=0).fit(module, datamodule=data)
    assert len({scale for _, scale in seen}) > 3
    assert all(rate == pytest.approx(0.5 * scale) for rate, scale in seen)
    assert set(watch.rates) == {0.5}


def test_a_recipe_of_words_reads_words_unless_it_says_otherwise() -> None:
    made = Recipe.from_mapping({"task": "word_lm", "data": {"corpus": "ptb"}})
    assert made.data.tokenizer.name == "word"  # type: ignore[attr-defined]
    made = Recipe.from_mapping({"task": "char_lm", "data": {"corpus": "ptb-char"}})
    assert made.data.tokenizer.name == "char"  # type: ignore[attr-defined]


def test_what_cannot_be() -> None:
    for section, message in (
        ({"data": {"corpus": "ptb", "random_phase": True, "variable_chunks": True}}, "exclude each other"),
        ({"data": {"corpus": "ptb"}, "regularization": {"temporal": -1}}, "regularization.temporal: 0 <= temporal"),
        ({"data": {"corpus": "ptb"}, "checkpoint_every": 0}, "checkpoint_every"),
    ):
        with pytest.raises(UserError, match=message):
            Recipe.from_mapping({"task": "word_lm", **section})


def test_the_vocabulary_of_an_adaptive_softmax_does_not_grow() -> None:
    tokenizer, larger = WordTokenizer.train(["a b c d\n"]), WordTokenizer.train(["a b c d e\n"])
    model = LanguageModel(LanguageModelConfig(adaptive_cutoffs=(2,)), tokenizer)
    with pytest.raises(ValueError, match="cannot grow"):
        model.with_tokenizer(larger)


def test_nothing_is_written_with_unk() -> None:
    """However likely it is: a reader can do nothing with it. What it is worth in a score stays."""
    tokenizer = WordTokenizer.train(["the <unk> of <unk>\n"])
    model = LanguageModelConfig(embedding_dim=4).build(tokenizer)
    with torch.no_grad():
        model.head.bias[tokenizer.unknown] = 50.0
    for options in ({"temperature": 0.0}, {"top_k": 1}, {"top_p": 0.5}, {"min_p": 0.5}, {}):
        assert "<unk>" not in model.generate("the", max_new_tokens=20, seed=0, **options)[0]
    assert model.score("the whale").totals.ppl < 1e30


@pytest.mark.parametrize("lr", [3e-2, 1.0])
def test_a_run_ends_in_the_average_of_its_last_validations_if_that_is_better(tmp_path: Path, lr: float) -> None:
    recipe = tmp_path / "word-small.test.yaml"
    recipe.write_text(RECIPE.replace("TEXT", str(write_words(tmp_path / "text.txt"))))
    settings = {"schedule": {"name": "constant"}, "average": 3, "lr": lr}
    run = train(recipe, settings=settings, runs=tmp_path / "runs")
    kept = sorted((run / "checkpoints").glob("validated-*.ckpt"))
    assert len(kept) == 3  # of four validations

    task = WordLM.load_from_checkpoint(run / "checkpoints" / "best.ckpt").eval()
    fields = {"files": [str(tmp_path / "text.txt")], "test_part": True, "streams": 4, "chunk_len": 7}
    data = StreamData(fields, tokenizer=task.model.tokenizer)
    data.setup("fit")
    found = [measure(task.model, data.ids("valid"), 1).nll]
    task.load_state_dict(average_state_dicts(kept))
    found.append(measure(task.model, data.ids("valid"), 1).nll)
    assert read_metrics(run)["averaged"] == (3 if found[1] < found[0] else 0)
    assert read_metrics(run)["scores"]["valid"]["nll"] == pytest.approx(min(found), rel=1e-5)
    assert torch.equal(rnnzoo.load(run).head.bias, task.model.head.bias) == (found[1] < found[0])


def test_no_average_unless_asked_for(finished: Path, tmp_path: Path) -> None:
    assert "averaged" not in read_metrics(finished)
    assert not list((finished / "checkpoints").glob("validated-*"))
    with pytest.raises(UserError, match="average: 0 <= average"):
        train(finished / "recipe.yaml", settings={"average": -1}, runs=tmp_path)
