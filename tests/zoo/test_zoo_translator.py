"""Translators in folders: what is saved comes back, ties and vocabularies included, and what is not that is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from small_entry import small_model
from small_translator import small_translator

from rnnzoo.errors import UserError
from rnnzoo.files import sha256_file
from rnnzoo.models import LanguageModel, Seq2Seq
from rnnzoo.zoo import load, load_folder, read_config, save_folder
from rnnzoo.zoo.golden import GOLDEN_TOLERANCE, golden_difference, write_golden

SRC = torch.tensor([[3, 1, 4, 1, 5, 11], [9, 2, 6, 11, 0, 7]])
LENGTHS = torch.tensor([6, 4])
TGT = torch.tensor([[12, 3, 5, 8], [12, 9, 7, 9]])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_folder(tmp_path / "model", small_translator())
    return tmp_path / "model"


def rehash(folder: Path) -> None:
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics["files"] = {name: sha256_file(folder / name) for name in metrics["files"] if (folder / name).is_file()}
    (folder / "metrics.json").write_text(json.dumps(metrics))


def refusal(folder: Path) -> str:
    with pytest.raises(UserError) as caught:
        load_folder(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"attention": "additive", "input_feeding": True},
        {"attention": {"name": "multi_head", "heads": 2}, "reverse_source": True},
        {"attention": None, "bidirectional": False, "bridge": "copy", "encoder": {"cell": "lstm", "hidden_size": 8}},
    ],
)
def test_what_is_saved_comes_back(tmp_path: Path, fields: dict[str, Any]) -> None:
    model = small_translator(**fields)
    save_folder(tmp_path, model)
    loaded = load(tmp_path, kind=Seq2Seq)
    assert not any(module.training for module in loaded.modules())
    assert loaded.config == model.config
    assert (loaded.src_tokenizer, loaded.tgt_tokenizer) == (model.src_tokenizer, model.tgt_tokenizer)
    assert torch.equal(loaded(SRC, LENGTHS, TGT), model.eval()(SRC, LENGTHS, TGT))
    assert read_config(tmp_path)["task"] == "translator"


@pytest.mark.parametrize("shared", ["none", "decoder", "all"])
def test_ties_and_vocabularies(tmp_path: Path, shared: str) -> None:
    joint = shared == "all"
    save_folder(tmp_path, small_translator(joint=joint, shared=shared))
    stored = {
        name for name in load_file(tmp_path / "model.safetensors") if name.endswith(("embedding.weight", "head.weight"))
    }
    assert len(stored) == {"none": 3, "decoder": 2, "all": 1}[shared]
    loaded = load_folder(tmp_path, kind=Seq2Seq)
    assert (loaded.head.weight is loaded.tgt_embedding.weight) == (shared != "none")
    assert (loaded.src_embedding.weight is loaded.tgt_embedding.weight) == joint
    assert (tmp_path / "tokenizer.src.json").is_file() == (not joint)
    assert (loaded.src_tokenizer is loaded.tgt_tokenizer) == joint
    hashed = json.loads((tmp_path / "metrics.json").read_text())["files"]
    assert ("tokenizer.src.json" in hashed) == (not joint)


def test_another_model_in_the_same_folder(folder: Path) -> None:
    """No vocabulary of the last one is left behind."""
    save_folder(folder, small_translator(joint=True))
    assert load_folder(folder, kind=Seq2Seq).src_tokenizer.vocab_size == 20
    save_folder(folder, small_translator())
    save_folder(folder, small_model())
    assert isinstance(load_folder(folder), LanguageModel)
    assert not (folder / "tokenizer.src.json").exists()


def test_the_source_vocabulary_is_weighed(folder: Path) -> None:
    path = folder / "tokenizer.src.json"
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'"a"', b'"q"'))
    assert refusal(folder) == f"{path}: is damaged: its sha256 is not the one in metrics.json"
    path.unlink()
    assert refusal(folder) == f"{path}: is missing"
    save_folder(folder, small_translator(joint=True))
    path.write_bytes(whole)  # one that metrics.json does not name
    assert refusal(folder).startswith(f"{path}: is damaged")


def test_vocabularies_that_do_not_fit(folder: Path) -> None:
    (folder / "tokenizer.src.json").write_bytes((folder / "tokenizer.json").read_bytes())
    rehash(folder)
    assert refusal(folder).endswith("'src_embedding.weight' is (12, 6), expected (13, 6)")
    config = json.loads((folder / "config.json").read_text())
    config["model"]["shared"] = "all"
    save_folder(folder, small_translator())
    (folder / "config.json").write_text(json.dumps(config))
    rehash(folder)
    assert "shared: all needs a joint vocabulary" in refusal(folder)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("encoder", "hidden_size"), 10**9),
        (("decoder", "hidden_size"), 10**30),
        (("encoder", "num_layers"), 10**9),
        (("decoder", "num_layers"), 10**9),
        (("embedding_dim",), 10**12),
        (("readout_size",), 10**12),
        (("attention",), {"name": "additive", "size": 10**12}),
        (("attention",), {"name": "os.system"}),
        (("encoder", "cell"), {"name": "os.system"}),
        (("bridge",), "copy"),
        (("max_source",), -1),
    ],
)
def test_configs_that_no_model_has(folder: Path, place: tuple[str, ...], value: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    section = config["model"]
    for key in place[:-1]:
        section = section[key]
    section[place[-1]] = value
    (folder / "config.json").write_text(json.dumps(config))
    rehash(folder)
    assert refusal(folder).startswith(str(folder))


def test_the_other_kind_says_what_to_use(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a translator, and this takes a language model: it goes with `rnnzoo trans"):
        load(folder, kind=LanguageModel)
    save_folder(tmp_path / "lm", small_model())
    with pytest.raises(UserError, match="is a language model, and this takes a translator: it goes with `rnnzoo gen"):
        load_folder(tmp_path / "lm", kind=Seq2Seq)


@pytest.mark.parametrize("fields", [{}, {"attention": None}, {"input_feeding": True, "shared": "decoder"}])
def test_golden_logits(folder: Path, fields: dict[str, Any]) -> None:
    save_folder(folder, small_translator(**fields))
    model = load_folder(folder, kind=Seq2Seq)
    write_golden(model, folder)
    before = (folder / "golden.safetensors").read_bytes()
    write_golden(model, folder)
    assert (folder / "golden.safetensors").read_bytes() == before
    assert golden_difference(model, folder) < 1e-5
    for name in ("src_embedding.weight", "encoder.", "decoder.", "head.bias"):
        other = load_folder(folder, kind=Seq2Seq)
        weights = [w for key, w in other.state_dict().items() if key.startswith(name)]
        weights[0].mul_(1.5).add_(0.05)
        assert golden_difference(other, folder) > GOLDEN_TOLERANCE, name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("src", torch.full((2, 16), 12, dtype=torch.int32)),
        ("tgt", torch.full((2, 16), -1, dtype=torch.int32)),
        ("lengths", torch.tensor([17, 3], dtype=torch.int32)),
        ("lengths", torch.tensor([0, 3], dtype=torch.int32)),
        ("src", torch.zeros(2, 100_000, dtype=torch.int32)),
        ("logits", torch.zeros(2, 16, 5)),
        ("log_sum_exp", torch.zeros(2, 15)),
        ("more", torch.zeros(1)),
    ],
)
def test_golden_logits_that_are_none(folder: Path, name: str, value: torch.Tensor) -> None:
    from safetensors.torch import save_file

    model = load_folder(folder, kind=Seq2Seq)
    write_golden(model, folder)
    save_file(load_file(folder / "golden.safetensors") | {name: value}, folder / "golden.safetensors")
    with pytest.raises(UserError, match=r"golden\.safetensors: "):
        golden_difference(model, folder)
