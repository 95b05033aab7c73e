"""Recipes: closed, typed, with everyday short forms; every packaged one trains."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import small_lm
import small_pairs
import small_texts
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnzoo.errors import UserError
from rnnzoo.models import Classifier, Seq2Seq
from rnnzoo.tasks import CharLMRecipe, ClassifierRecipe, LanguageModelRecipe, Recipe, TranslatorRecipe, train
from rnnzoo.tasks.language_model.recipe import SHORT_FORMS
from rnnzoo.tasks.recipe import override, read
from rnnzoo.text import CharTokenizerConfig
from rnnzoo.zoo import find_recipe, load, parse_yaml, read_metrics, read_recipe, recipe_names

SMALL = {
    "task": "char_lm",
    "data": {"corpus": "pydocs", "streams": 4},
    "model": {"embedding_dim": 8, "backbone": {"cell": "lstm", "hidden_size": 8}},
    "optimizer": {"name": "adamw", "lr": 2e-3},
    "trainer": {"max_epochs": 2},
}


def recipe(**settings: Any) -> CharLMRecipe:
    made = Recipe.from_mapping(override(SMALL, settings))
    assert isinstance(made, CharLMRecipe)
    return made


# ------------------------------------------------------------------------------------------------- parsing


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "char_ml"}, r"unknown task 'char_ml' \(did you mean 'char_lm'"),
        ({"modle": {}}, r"modle: unknown field \(did you mean 'model'"),
        ({"name": "mine"}, "name: unknown field"),
        ({"data": {"corpsu": "pydocs"}}, r"data\.corpsu: unknown field \(did you mean 'corpus'"),
        ({"data": None}, "data: expected a mapping"),
        (
            {"model": {"backbone": {"cell": "lsmt"}}},
            r"model\.backbone\.cell: unknown cell 'lsmt' \(did you mean 'lstm'",
        ),
        (
            {"model": {"backbone": {"hiden_size": 3}}},
            r"backbone\.hiden_size: unknown field \(did you mean 'hidden_size'",
        ),
        ({"model": {"backbone": {"hidden_size": 2.5}}}, r"model\.backbone\.hidden_size: expected int, not 2\.5"),
        ({"model": {"backbone": {"cell": {"name": "lstm", "bias": 1}}}}, r"cell\.bias: unknown field"),
        ({"optimizer": {"lr": 1}}, r"optimizer: 'name' is missing"),
        ({"optimizer": {"name": "adam"}}, r"unknown optimizer 'adam' \(did you mean 'adamw'"),
        ({"optimizer": {"name": "adamw", "lr": "fast"}}, r"optimizer\.lr: expected float, not 'fast'"),
        ({"schedule": "cosin"}, r"unknown schedule 'cosin' \(did you mean 'cosine'"),
        ({"sample": {"temperature": -1}}, "0 <= temperature"),
        ({"seed": True}, "seed: expected int, not True"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        Recipe.from_mapping({**SMALL, **changes})
    assert "\n" not in str(caught.value)


def test_no_task() -> None:
    with pytest.raises(UserError, match=r"task: is missing \(known: char_lm"):
        Recipe.from_mapping({"data": {}})


def test_defaults_and_round_trip() -> None:
    made = recipe()
    assert Recipe.from_mapping(made.to_mapping()) == made
    assert Recipe.from_mapping(parse_yaml(made.to_yaml())) == made
    assert made.to_mapping()["task"] == "char_lm"
    assert made.model.backbone.num_layers == 1


@settings(deadline=None, max_examples=100)
@given(
    prompt=st.one_of(
        st.text(max_size=12),
        st.sampled_from(
            ["1e5", "0o17", "0x1f", "1_000", "12:30", "no", "null", "~", "", ".5", "-1", "+", "2024-01-31"]
        ),
    ),
    lr=st.floats(1e-12, 1e6),
    sizes=st.lists(st.integers(1, 10**12), max_size=2),
)
def test_any_values_survive_yaml(prompt: str, lr: float, sizes: list[int]) -> None:
    """Text that looks like a number stays text, and a float keeps its last bit."""
    values = {"sample.prompt": prompt, "lr": lr, "trainer.max_time": prompt, "trainer.sizes": sizes}
    made = recipe(**values)
    assert Recipe.from_mapping(parse_yaml(made.to_yaml())) == made


@pytest.mark.parametrize("text", ["3e-3", "3E-3", "3.0e-3", "0.003", "3e-03"])
def test_floats_in_yaml(tmp_path: Path, text: str) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(f"task: char_lm\ndata: {{corpus: pydocs}}\noptimizer: {{name: adamw, lr: {text}}}\n")
    made = Recipe.from_mapping(read(path))
    assert made.optimizer.lr == 0.003  # type: ignore[attr-defined]


# ---------------------------------------------------------------------------------------------- overriding


def test_every_short_form_is_a_field() -> None:
    values = {"cell": "gru", "text": ["a.txt"], "corpus": "pydocs", "hub": "org/name", "lr": 0.5, "shards": "folder"}
    values |= {"hidden_dropout": 0.5, "text_column": "body", "encoding": "latin-1", "newlines": "keep"}
    for short, (dotted,) in SHORT_FORMS.items():
        value = values.get(short, 3)
        mapping = recipe(**{short: value}).to_mapping()
        for part in dotted.split("."):
            mapping = mapping[part]
        assert mapping == ({"name": "gru"} | mapping if short == "cell" else value), short


def test_dotted_names() -> None:
    made = recipe(**{"model.backbone.num_layers": 3, "data.chunk_len": 7, "trainer.devices": 2, "seed": 9})
    assert made.model.backbone.num_layers == 3
    assert made.data.chunk_len == 7
    assert made.trainer == {"max_epochs": 2, "devices": 2}
    assert made.seed == 9


def test_a_given_text_replaces_the_recipes_own() -> None:
    assert recipe(text="a.txt").data.files == ("a.txt",)
    assert recipe(text=Path("a.txt")).data.files == ("a.txt",)
    assert recipe(text=[Path("a.txt"), "b.txt"]).data.files == ("a.txt", "b.txt")
    assert recipe(text="a.txt").data.corpus is None
    assert recipe(hub="org/name").data.corpus is None
    assert recipe(corpus="ptb-char").data.files == ()
    assert recipe(text="a.txt").data.streams == 4  # the rest of the section stays


def test_cells_and_their_fields() -> None:
    cell = recipe(**{"model.backbone.cell.forget_bias": 2.0}).model.backbone.cell
    assert (cell.name, cell.forget_bias) == ("lstm", 2.0)  # type: ignore[attr-defined]
    made = recipe(**{"cell": "rnn", "model.backbone.cell.nonlinearity": "relu"}).model.backbone.cell
    assert made.to_dict()["nonlinearity"] == "relu"
    with pytest.raises(UserError, match=r"forget_bais: unknown field \(did you mean 'forget_bias'"):
        recipe(**{"model.backbone.cell.forget_bais": 2.0})


def test_override_leaves_its_arguments_alone() -> None:
    before = repr(SMALL)
    recipe(text="a.txt", lr=1.0, hidden_size=3)
    assert repr(SMALL) == before


@pytest.mark.parametrize("section", [None, {}])
def test_a_section_without_anything_in_it(section: Any) -> None:
    made = Recipe.from_mapping(
        override({"task": "char_lm", "data": section, "model": section}, {"text": "a", "cell": "gru"})
    )
    assert made.data.files == ("a",)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"hiden_size": 3}, r"--hiden_size: unknown option \(did you mean 'hidden_size'"),
        ({"modle.embedding_dim": 3}, r"--modle\.embedding_dim: unknown option \(did you mean"),
        ({"seed.x": 3}, "--seed.x: seed has no fields"),
        ({"data.chunk_lne": 3}, r"data\.chunk_lne: unknown field \(did you mean 'chunk_len'"),
    ],
)
def test_bad_settings(setting: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Recipe.from_mapping(override({**SMALL, "seed": 4}, setting))


def test_overlays(tmp_path: Path) -> None:
    below, above = tmp_path / "below.yaml", tmp_path / "above.yaml"
    below.write_text("task: char_lm\ndata: {corpus: pydocs, streams: 4}\ntrainer: {max_epochs: 3}\n")
    above.write_text("data: {streams: 8}\ntrainer: {devices: 2, precision: bf16-mixed}\n")
    assert read(below, [above]) == {
        "task": "char_lm",
        "data": {"corpus": "pydocs", "streams": 8},
        "trainer": {"max_epochs": 3, "devices": 2, "precision": "bf16-mixed"},
    }


# -------------------------------------------------------------------------------------------- the packaged ones

PACKAGED = recipe_names()


def test_how_many_recipes_there_are() -> None:
    """So that a walk that finds nothing does not pass for one that found all well."""
    names = {
        *(f"char-{cell}.tinyshakespeare" for cell in ("rnn", "lstm", "gru")),
        *("char-lstm.pydocs", "char-lstm.war-and-peace", "char-lstm.own-text"),
        *(f"word-lstm.ptb-{size}" for size in ("small", "medium", "large", "cpu")),
        *("word-awd.ptb", "word-awd.wikitext-2", "word-lstm.wikitext-2", "word-lstm.tinyshakespeare"),
        *(f"mt-gru.multi30k-{pair}" for pair in ("en-fr", "en-de", "de-en")),
        *("mt-lstm.tatoeba-en-fr", "mt-vanilla.multi30k-en-fr", "mt-lstm.wmt14-fr-en"),
        *("mt-gru.own-pairs", "mt-lstm.numbers-en-fr"),
    }
    assert names <= set(PACKAGED)
    files = [path for path in Path(__file__).resolve().parents[2].glob("recipes/*/*.yaml")]
    assert set(PACKAGED.values()) == {path for path in files if path.parent.name != "hardware"}
    assert {"cls-gru.names", "cls-gru.languages", "cls-gru.banking77", "cls-lstm.sst2"} <= set(PACKAGED)
    assert len(PACKAGED) >= 49


@pytest.mark.parametrize("name", PACKAGED)
def test_a_packaged_recipe_parses(name: str) -> None:
    data = read(name)
    made = Recipe.from_mapping(data)
    assert Recipe.from_mapping(parse_yaml(made.to_yaml())) == made
    assert data["task"] == PACKAGED[name].parent.name
    assert find_recipe(str(PACKAGED[name])) == PACKAGED[name] == find_recipe(name)
    text = PACKAGED[name].read_text(encoding="utf-8")
    assert text.startswith("# ")  # says what it is
    assert read_recipe(name) == data


@pytest.mark.parametrize("name", PACKAGED)
def test_a_packaged_recipe_trains_two_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """On a stand-in for its text, made small; all else is as the recipe has it."""
    made = Recipe.from_mapping(read(name))
    if isinstance(made, TranslatorRecipe):
        monkeypatch.chdir(tmp_path)
        if made.init_from is not None and made.init_from.startswith("runs/"):  # what another recipe has trained before
            two_steps_of_a_translator(tmp_path, Path(made.init_from).parts[1])
        folder = two_steps_of_a_translator(tmp_path, name)
        model = load(folder, kind=Seq2Seq)
        assert len(model.translate(["ba", "", "dabe"])) == 3
        assert read_metrics(folder)["training"]["steps"] == 2
        return
    if isinstance(made, ClassifierRecipe):
        two_steps_of_a_classifier(tmp_path, name, made)
        return
    assert isinstance(made, LanguageModelRecipe)
    prompt = made.sample.prompt
    last = _made_small(made)
    if made.embedding is not None:
        (tmp_path / "vectors.txt").write_text("<unk> 1 2 3 4 5 6 7 8\n")
        last["embedding.source"] = str(tmp_path / "vectors.txt")
    text = small_lm.write_text(tmp_path / "text.txt", 700, alphabet="".join(dict.fromkeys("abcdefg \n" + prompt)))
    small = {"hidden_size": 8, "embedding_dim": 8, "streams": 4, "chunk_len": 8}
    settings = {"trainer.max_steps": 2, "trainer.enable_progress_bar": False, "sample.every_n_steps": 1, **last}
    monkeypatch.chdir(tmp_path)
    if made.init_from is not None and made.init_from.startswith("runs/"):  # what another recipe has trained before
        before = Path(made.init_from).parts[1]
        train(before, settings=settings | _made_small(Recipe.from_mapping(read(before))), text=text, **small)
        settings["trainer.val_check_interval"] = 1.0  # of so few steps
    folder = train(name, settings=settings, text=text, **small)
    metrics = read_metrics(folder)
    assert metrics["recipe"] == name
    assert metrics["training"]["steps"] == 2
    assert math.isfinite(metrics["nll"])
    said = load(folder).generate(max_new_tokens=3)[0]
    if made.name == "char_lm":  # three bytes may be one character, or parts of one
        assert len(said) == 3 if isinstance(made.data.tokenizer, CharTokenizerConfig) else 1 <= len(said) <= 3
    assert said


def _made_small(recipe: Recipe) -> dict[str, Any]:
    """Settings for a small vocabulary, and for a last layer of the embedding's size."""
    assert isinstance(recipe, LanguageModelRecipe)
    small: dict[str, Any] = {"model.backbone.output_size": 8} if recipe.model.backbone.output_size else {}
    return small | ({"model.adaptive_cutoffs": [2]} if recipe.model.adaptive_cutoffs else {})


def two_steps_of_a_translator(folder: Path, name: str) -> Path:
    """A run of a recipe on pairs made for this, with small layers."""
    files = small_pairs.write(folder, 60)
    small = {"embedding_dim": 8, "batch_tokens": 200, "files": [str(file) for file in files], "src": "en", "tgt": "fr"}
    halves = {"model.encoder.hidden_size": 4, "model.decoder.hidden_size": 8}
    if not Recipe.from_mapping(read(name)).to_mapping()["model"]["bidirectional"]:
        halves["model.encoder.hidden_size"] = 8
    steps = {"trainer.max_steps": 2, "trainer.enable_progress_bar": False, "trainer.precision": "32-true"}
    return train(name, runs=folder / "runs", settings=small | halves | steps)


def two_steps_of_a_classifier(folder: Path, name: str, made: ClassifierRecipe) -> None:
    """A run of a recipe on texts made for this, with small layers, or those of its encoder."""
    small: dict[str, Any] = {"files": [str(small_texts.write(folder, 60))], "batch_tokens": 200}
    small |= {} if made.encoder is not None else {"hidden_size": 8, "embedding_dim": 8}
    steps = {"trainer.max_steps": 2, "trainer.enable_progress_bar": False, "trainer.precision": "32-true"}
    run = train(name, runs=folder / "runs", settings=small | steps)
    assert read_metrics(run)["training"]["steps"] == 2
    assert len(load(run, kind=Classifier).classify(["ab", "", "ef gh"])) == 3
