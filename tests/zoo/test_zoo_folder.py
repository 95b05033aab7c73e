"""Model folders: what is saved comes back exactly, and what is not exactly that is refused in one line."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from rnnzoo.errors import UserError
from rnnzoo.files import sha256_file
from rnnzoo.models import LanguageModel
from rnnzoo.zoo import load, load_folder, read_config, read_metrics, save_folder, verify
from rnnzoo.zoo.layout import SCHEMA, WEIGHED

TOKENS = torch.tensor([[0, 3, 1, 4, 1, 5], [9, 2, 6, 5, 3, 5]])


def refusal(folder: Path) -> str:
    with pytest.raises(UserError) as error:
        load_folder(folder)
    text = str(error.value)
    assert "\n" not in text
    return text


def rehash(folder: Path) -> None:
    """metrics.json as if the files had been written like this: what is behind the hashes must hold by itself."""
    path = folder / "metrics.json"
    metrics = json.loads(path.read_text())
    metrics["files"] = {name: sha256_file(folder / name) for name in WEIGHED}
    path.write_text(json.dumps(metrics))


def change(path: Path, edit: Callable[[Any], None]) -> None:
    data = json.loads(path.read_text())
    edit(data)
    path.write_text(json.dumps(data))


def rewrite_weights(folder: Path, edit: Callable[[dict[str, torch.Tensor]], None]) -> None:
    path = folder / "model.safetensors"
    weights = {name: tensor.clone() for name, tensor in load_file(path).items()}
    edit(weights)
    save_file(weights, path)
    rehash(folder)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "gru_reset_before"])
def test_what_is_saved_comes_back(make_model: Callable[..., LanguageModel], tmp_path: Path, cell: str) -> None:
    fields = {"cell": cell, "hidden_size": 7, "num_layers": 2, "layer_norm": True, "weight_dropout": 0.3}
    model = make_model(backbone=fields, output_dropout=0.5).train()
    save_folder(tmp_path, model)
    loaded = load_folder(tmp_path)
    assert model.training
    assert not any(module.training for module in loaded.modules())
    assert loaded.config == model.config
    assert loaded.tokenizer.to_dict() == model.tokenizer.to_dict()
    own, other = model.state_dict(), loaded.state_dict()
    assert own.keys() == other.keys()
    assert all(torch.equal(own[name], other[name]) for name in own)
    torch.testing.assert_close(loaded(TOKENS)[0], model.eval()(TOKENS)[0], rtol=0, atol=0)


def test_a_folder_holds_the_contract(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {*WEIGHED, "metrics.json", "recipe.yaml"}
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics == {"schema": SCHEMA, "files": {name: sha256_file(folder / name) for name in WEIGHED}}
    assert set(json.loads((folder / "config.json").read_text())) == {"schema", "task", "model", "data"}


def test_weights_that_are_not_contiguous(model: LanguageModel, tmp_path: Path) -> None:
    model.embedding.weight = torch.nn.Parameter(model.embedding.weight.detach().t().contiguous().t())
    assert not model.embedding.weight.is_contiguous()
    save_folder(tmp_path, model)
    assert torch.equal(load_folder(tmp_path).embedding.weight, model.embedding.weight)


def test_tied_weights_are_stored_once_and_stay_tied(make_model: Callable[..., LanguageModel], tmp_path: Path) -> None:
    model = make_model(embedding_dim=7, tied=True)
    save_folder(tmp_path, model)
    stored = load_file(tmp_path / "model.safetensors")
    assert ("embedding.weight" in stored) != ("head.weight" in stored)
    loaded = load_folder(tmp_path)
    assert loaded.head.weight is loaded.embedding.weight
    assert loaded.num_parameters == model.num_parameters
    optimizer = torch.optim.SGD(loaded.parameters(), lr=0.5)
    loaded.train().nll(TOKENS[:, :-1], TOKENS[:, 1:])[0].backward()
    optimizer.step()
    assert loaded.head.weight is loaded.embedding.weight
    assert not torch.equal(loaded.embedding.weight, model.embedding.weight)


def test_saving_again_replaces_the_model(folder: Path, make_model: Callable[..., LanguageModel]) -> None:
    other = make_model(backbone={"cell": "gru", "hidden_size": 5})
    save_folder(folder, other)
    assert load_folder(folder).config == other.config
    assert not list(folder.glob(".*"))


def test_saved_files_have_the_usual_mode(folder: Path) -> None:
    umask = os.umask(0)
    os.umask(umask)
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o666 & ~umask}


@pytest.mark.parametrize("name", [*WEIGHED, "metrics.json"])
def test_missing_file(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert refusal(folder) == f"{folder / name}: is missing"


@pytest.mark.parametrize("name", WEIGHED)
@pytest.mark.parametrize("where", [0.0, 0.5, 1.0])
def test_flipped_bit(folder: Path, name: str, where: float) -> None:
    data = bytearray((folder / name).read_bytes())
    data[int(where * (len(data) - 1))] ^= 4
    (folder / name).write_bytes(data)
    assert refusal(folder).startswith(f"{folder / name}: is damaged")


@pytest.mark.parametrize("name", [*WEIGHED, "metrics.json"])
@pytest.mark.parametrize("kept", [0.0, 0.5, 0.99])
def test_truncated_file(folder: Path, name: str, kept: float) -> None:
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[: int(kept * len(data))])
    assert refusal(folder).startswith(f"{folder / name}")


@pytest.mark.parametrize("name", WEIGHED)
@pytest.mark.parametrize("kept", [0, 7, 30, 100])
def test_truncated_behind_the_hashes(folder: Path, name: str, kept: int) -> None:
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[:kept])
    rehash(folder)
    assert refusal(folder).startswith(f"{folder / name}")


@pytest.mark.parametrize("name", [*WEIGHED, "metrics.json"])
@pytest.mark.parametrize("page", [b"<html><body>404</body></html>", b"version https://git-lfs.github.com/spec/v1\n"])
def test_something_else_under_the_name(folder: Path, name: str, page: bytes) -> None:
    (folder / name).write_bytes(page)
    if name != "metrics.json":
        rehash(folder)
    assert str(folder / name) in refusal(folder)


def test_folder_without_a_model(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"{tmp_path}: holds no model"


def test_run_that_has_not_ended(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    assert "has not ended yet" in refusal(tmp_path)
    assert "--resume" in refusal(tmp_path)


@pytest.mark.parametrize("name", ["config.json", "metrics.json"])
@pytest.mark.parametrize(
    ("schema", "said"),
    [
        (SCHEMA + 1, f"this rnnzoo knows up to {SCHEMA}: upgrade it"),
        (None, "'schema'"),
        (True, "'schema'"),
        (0, "'schema'"),
    ],
)
def test_schema(folder: Path, name: str, schema: object, said: str) -> None:
    change(folder / name, lambda data: data.update(schema=schema))
    if name == "config.json":
        rehash(folder)
    assert said in refusal(folder)
    assert refusal(folder).startswith(f"{folder / name}")


def test_unknown_key_in_config(folder: Path) -> None:
    change(folder / "config.json", lambda config: config.update(auto_map="x"))
    rehash(folder)
    assert refusal(folder) == f"{folder / 'config.json'}: unknown key 'auto_map'"


def test_unknown_task(folder: Path) -> None:
    change(folder / "config.json", lambda config: config.update(task="char-lm"))
    rehash(folder)
    assert refusal(folder).endswith("unknown task 'char-lm' (did you mean 'char_lm'?)")


def test_unknown_field_of_the_model(folder: Path) -> None:
    change(folder / "config.json", lambda config: config["model"].update(embeding_dim=6))
    rehash(folder)
    text = refusal(folder)
    assert text.startswith(str(folder / "config.json"))
    assert text.endswith("model.embeding_dim: unknown field (did you mean 'embedding_dim'?)")


@pytest.mark.parametrize("value", [None, [], "lstm", 3])
def test_model_of_another_kind(folder: Path, value: object) -> None:
    change(folder / "config.json", lambda config: config.update(model=value))
    rehash(folder)
    assert refusal(folder).startswith(f"{folder / 'config.json'}: ")


@pytest.mark.parametrize(
    "fields",
    [
        {"tied": True},  # 6 features against 7
        {"embedding_dim": 0},
        {"embedding_dim": "6"},
        {"embedding_dim": 1 << 60},
        {"backbone": {"cell": "lstm", "hidden_size": 1 << 50}},
        {"output_dropout": 1.5},
    ],
)
def test_values_that_no_model_has(folder: Path, fields: dict[str, Any]) -> None:
    change(folder / "config.json", lambda config: config["model"].update(fields))
    rehash(folder)
    assert refusal(folder).startswith(f"{folder / 'config.json'}: ")


@pytest.mark.parametrize("name", ["os.system", "rnnzoo.cells.lstm.LSTM", "intruder", "../intruder"])
def test_a_config_names_no_code(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A cell is looked up among those that registered themselves; nothing is imported for it."""
    trace = tmp_path / "executed"
    for place in (folder, tmp_path):
        (place / "intruder.py").write_text(f"open({str(trace)!r}, 'w').close()\n")
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    change(folder / "config.json", lambda config: config["model"]["backbone"].update(cell={"name": name}))
    rehash(folder)
    assert f"unknown cell {name!r}" in refusal(folder)
    assert not trace.exists()


@pytest.mark.parametrize("key", ["class_path", "_target_", "__class__", "_class_path"])
def test_a_config_with_a_class_path_is_refused(folder: Path, key: str) -> None:
    change(folder / "config.json", lambda config: config["model"]["backbone"]["cell"].update({key: "os.system"}))
    rehash(folder)
    assert f"{key}: unknown field" in refusal(folder)


def test_a_pickle_is_not_opened(folder: Path, tmp_path: Path) -> None:
    class Intruder:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "executed",)

    torch.save({"x": Intruder()}, folder / "model.safetensors")
    rehash(folder)
    assert "model.safetensors: cannot be read as safetensors" in refusal(folder)
    assert not (tmp_path / "executed").exists()


def test_the_recipe_of_a_folder_is_not_read(folder: Path, tmp_path: Path) -> None:
    (folder / "recipe.yaml").write_text(f"!!python/object/apply:pathlib.Path.touch ['{tmp_path / 'executed'}']\n")
    load_folder(folder)
    assert not (tmp_path / "executed").exists()


def test_missing_weight(folder: Path) -> None:
    rewrite_weights(folder, lambda weights: weights.update(head_bias=weights.pop("head.bias")))
    assert refusal(folder).endswith("has no weight 'head.bias' (did you mean 'head_bias'?)")


def test_extra_weight(folder: Path) -> None:
    rewrite_weights(folder, lambda weights: weights.update({"head.bias2": torch.zeros(1)}))
    assert refusal(folder).endswith("has a weight 'head.bias2' that the model does not (did you mean 'head.bias'?)")


def test_misshaped_weight(folder: Path) -> None:
    rewrite_weights(folder, lambda weights: weights.update({"head.bias": torch.zeros(1, 12)}))
    assert refusal(folder).endswith("'head.bias' is (1, 12), expected (12,)")


def test_weights_of_another_vocabulary(folder: Path, make_model: Callable[..., LanguageModel], tmp_path: Path) -> None:
    model = make_model()
    larger = model.with_tokenizer(model.tokenizer.extend("xyz"))
    save_folder(tmp_path / "larger", larger)
    (folder / "tokenizer.json").write_bytes((tmp_path / "larger" / "tokenizer.json").read_bytes())
    rehash(folder)
    assert "expected (15, 6)" in refusal(folder)


def test_damage_leaves_nothing_behind(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    refusal(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_loading_twice_gives_two_models(folder: Path) -> None:
    first, second = load(folder), load(folder)
    with torch.no_grad():
        first.head.bias.add_(1)
    assert not torch.equal(first.head.bias, second.head.bias)
    assert torch.equal(load(folder).head.bias, second.head.bias)  # nor is the file mapped and written through


def test_read_config_has_the_data_section(model: LanguageModel, tmp_path: Path) -> None:
    save_folder(tmp_path, model, data={"corpus": "pydocs", "eval_streams": 4})
    assert read_config(tmp_path)["data"] == {"corpus": "pydocs", "eval_streams": 4}


def test_an_entry_of_the_first_schema_still_loads() -> None:
    """Written when schema 1 was new, and never again: what is published has to go on working."""
    folder = Path(__file__).parent / "schema_1"
    checks = {check.what: check for check in verify("char-lstm.poem", folder, quick=True)}
    assert checks["hashes"].result == checks["golden logits"].result == "ok", checks
    assert read_config(folder)["schema"] == read_metrics(folder)["schema"] == 1


@pytest.mark.parametrize("name", ["config.json", "metrics.json"])
def test_an_entry_of_a_newer_schema_says_so(folder: Path, name: str) -> None:
    change(folder / name, lambda data: data.update(schema=SCHEMA + 1))
    if name == "config.json":
        rehash(folder)
    assert refusal(folder).endswith(f"{name}: has schema {SCHEMA + 1}; this rnnzoo knows up to {SCHEMA}: upgrade it")
