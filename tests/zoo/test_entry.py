"""Zoo entries: scored again, complete, and refused as soon as one bit is another."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest
import torch
from huggingface_hub import ModelCard
from safetensors.torch import load_file, save_file

import rnnzoo
from rnnzoo.cli import main
from rnnzoo.errors import UserError
from rnnzoo.files import sha256_file
from rnnzoo.models import LanguageModelConfig
from rnnzoo.text import WordTokenizer
from rnnzoo.zoo import (
    entry_names,
    load_folder,
    make_entry,
    measure,
    model_facts,
    packaged,
    parse_yaml,
    read_manifest,
    verify,
)
from rnnzoo.zoo.card import card
from rnnzoo.zoo.entry import shareable_recipe, write_listing
from rnnzoo.zoo.golden import GOLDEN_TOLERANCE, golden_difference, write_golden
from rnnzoo.zoo.manifest import check_pinned, manifest_path, note_entry
from tests.small_entry import make

NAME = "char-lstm.poem"


def test_an_entry_is_complete(entry: Path, run: Path) -> None:
    names = {path.name for path in entry.iterdir()}
    assert names == {
        *("config.json", "model.safetensors", "tokenizer.json", "metrics.json", "recipe.yaml"),
        *("samples.txt", "golden.safetensors", "README.md", "entry.json"),
    }
    assert set(json.loads((entry / "entry.json").read_text())["files"]) == names - {"entry.json"}
    assert [path.name for path in entry.parent.iterdir()] == [NAME]  # nothing temporary is left
    assert parse_yaml((run / "recipe.yaml").read_text())["data"]["files"][0].endswith("/poem.txt")
    assert parse_yaml((entry / "recipe.yaml").read_text())["data"]["files"] == ["poem.txt"]


def test_half_precision_where_no_figure_moves(entry: Path, run: Path, text: Path) -> None:
    stored = load_file(entry / "model.safetensors")
    metrics = json.loads((entry / "metrics.json").read_text())
    assert {tensor.dtype for tensor in stored.values()} == {torch.float16}
    assert metrics["stored_dtype"] == "float16"
    assert {weight.dtype for weight in load_folder(entry).parameters()} == {torch.float32}
    ids = load_folder(entry).tokenizer.encode(text.read_text()[900:])
    assert metrics["nll"] == metrics["scores"]["valid"]["nll"] == measure(load_folder(entry), ids, 2).nll
    before = json.loads((run / "metrics.json").read_text())
    assert f"{metrics['nll']:.4f}" == f"{before['nll']:.4f}"


def test_float32_when_told(run: Path, text: Path, tmp_path: Path) -> None:
    entry = make_entry(run, NAME, tmp_path / "whole", store="float32", files=[str(text)])
    assert {tensor.dtype for tensor in load_file(entry / "model.safetensors").values()} == {torch.float32}


def test_eight_bits_when_told(tmp_path: Path) -> None:
    made = make(tmp_path, embedding_dim=20, backbone={"cell": "lstm", "hidden_size": 24})
    entry = make_entry(made.run, NAME, tmp_path / "small", store="int8", files=[str(made.text)])
    stored = load_file(entry / "model.safetensors")
    scaled = {name for name in stored if f"{name}::scale" in stored}
    assert len(scaled) == 4  # embedding, output layer, and the LSTM's two matrices
    assert {stored[name].dtype for name in scaled} == {torch.int8}
    metrics = json.loads((entry / "metrics.json").read_text())
    assert metrics["stored_dtype"] == "int8"
    assert "stored in int8" in (entry / "README.md").read_text()
    model, before = load_folder(entry), load_folder(made.run).state_dict()
    for name, weight in model.state_dict().items():
        step = before[name].abs().amax(-1, keepdim=True) / 127 if name in scaled else before[name].abs() / 1024
        assert ((weight - before[name]).abs() <= step / 2 + 1e-7).all()
    ids = model.tokenizer.encode(made.text.read_text()[900:])
    assert metrics["nll"] == measure(model, ids, 2).nll  # of the weights that are stored
    assert all(check.result in ("ok", "not checked") for check in verify(NAME, entry, files=[str(made.text)]))


def test_eight_bits_and_their_scales_belong_together(tmp_path: Path) -> None:
    made = make(tmp_path, embedding_dim=20, backbone={"cell": "lstm", "hidden_size": 24})
    entry = make_entry(made.run, NAME, tmp_path / "small", store="int8", files=[str(made.text)])
    good = load_file(entry / "model.safetensors")
    name = "embedding.weight"
    for bad in (
        good | {name: good[name].float()},
        good | {f"{name}::scale": good[f"{name}::scale"][:-1]},
        {key: tensor for key, tensor in good.items() if key != f"{name}::scale"},
        {key: tensor for key, tensor in good.items() if key != name},
    ):
        save_file(bad, entry / "model.safetensors")
        metrics = json.loads((entry / "metrics.json").read_text())
        metrics["files"]["model.safetensors"] = sha256_file(entry / "model.safetensors")
        (entry / "metrics.json").write_text(json.dumps(metrics))
        write_listing(entry)
        with pytest.raises(UserError, match=r"eight bits|floating-point|has a weight|has no weight"):
            load_folder(entry)


@pytest.mark.parametrize("flips", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_flipped_bits(entry: Path, flips: int) -> None:
    """One bit of one file, drawn over all bytes of the entry: every one of them is refused."""
    files = {path: path.read_bytes() for path in sorted(entry.iterdir())}
    draw = random.Random(0)
    refused = 0
    for trial in range(flips):
        # every third in the small file that all else hangs on
        path = (
            entry / "entry.json" if trial % 3 == 0 else draw.choices(list(files), [len(d) for d in files.values()])[0]
        )
        bit = draw.randrange(8 * len(files[path]))
        data = bytearray(files[path])
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        try:
            load_folder(entry)
        except UserError:
            refused += 1
        path.write_bytes(files[path])
    assert refused == flips
    load_folder(entry)


def test_a_score_that_is_not_the_one_on_record(run: Path, text: Path, tmp_path: Path) -> None:
    path = run / "metrics.json"
    metrics = json.loads(path.read_text())
    metrics["scores"]["valid"]["nll"] -= 0.001
    path.write_text(json.dumps(metrics))
    with pytest.raises(UserError, match=r"valid: \d\.\d{4} nats are on record, but \d\.\d{4} were measured"):
        make_entry(run, NAME, tmp_path / "pretrained", files=[str(text)])
    assert not (tmp_path / "pretrained").exists()


def test_refusals(run: Path, entry: Path, text: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="where it is with --text"):
        make_entry(run, NAME, tmp_path / "other")
    with pytest.raises(UserError, match="is there already; --force replaces it"):
        make_entry(run, NAME, entry.parent, files=[str(text)])
    with pytest.raises(UserError, match=r"is not ARCHITECTURE\.TAG"):
        make_entry(run, "../poem", tmp_path / "other", files=[str(text)])
    with pytest.raises(UserError, match=r"the run is of the recipe 'char-lstm\.poem'"):
        make_entry(run, "char-gru.poem", tmp_path / "other", files=[str(text)])
    with text.open("a") as file:
        file.write("a")
    with pytest.raises(UserError, match="another sha256"):
        make_entry(run, NAME, tmp_path / "other", files=[str(text)])


def test_forced_and_in_place(entry: Path, run: Path, text: Path) -> None:
    before = {path.name: path.read_bytes() for path in entry.iterdir()}
    make_entry(run, NAME, entry.parent, files=[str(text)], force=True)
    assert {path.name: path.read_bytes() for path in entry.iterdir()} == before  # the same run, the same bytes
    shutil.rmtree(entry)
    shutil.copytree(run, entry)
    make_entry(entry, NAME, entry.parent, files=[str(text)])
    assert {path.name: path.read_bytes() for path in entry.iterdir()} == before
    assert [path.name for path in entry.parent.iterdir()] == [NAME]


def test_golden_logits_notice_another_model(entry: Path) -> None:
    model = load_folder(entry)
    assert golden_difference(model, entry) < 1e-5
    with torch.no_grad():
        model.backbone.state_dict()["layers.0.weight_hh"][0, 0] += 0.05
    assert golden_difference(model, entry) > GOLDEN_TOLERANCE


def test_golden_logits_of_a_large_vocabulary_are_few_and_notice_any_of_its_words(tmp_path: Path) -> None:
    words = WordTokenizer(["<eos>", "<unk>", *(f"w{i}" for i in range(5000))])
    model = LanguageModelConfig.from_dict({"embedding_dim": 8, "backbone": {"hidden_size": 8}}).build(words).eval()
    write_golden(model, tmp_path)
    assert (tmp_path / "golden.safetensors").stat().st_size < 100_000
    assert load_file(tmp_path / "golden.safetensors")["logits"].shape == (2, 32, 256)
    assert golden_difference(model, tmp_path) < 1e-5
    with torch.no_grad():
        model.head.bias[4999] += 2.0  # not one of those that are stored
    assert golden_difference(model, tmp_path) > GOLDEN_TOLERANCE


def test_golden_logits_of_before_had_all_of_a_large_vocabulary(tmp_path: Path) -> None:
    words = WordTokenizer(["<eos>", "<unk>", *(f"w{i}" for i in range(500))])
    model = LanguageModelConfig.from_dict({"embedding_dim": 8, "backbone": {"hidden_size": 8}}).build(words).eval()
    write_golden(model, tmp_path)
    path = tmp_path / "golden.safetensors"
    stored = load_file(path)
    del stored["log_sum_exp"]
    with torch.no_grad():
        save_file(stored | {"logits": model(stored["tokens"].long())[0].contiguous()}, path)
    assert golden_difference(model, tmp_path) < 1e-5
    with torch.no_grad():
        model.head.bias[499] += 2.0
    assert golden_difference(model, tmp_path) > GOLDEN_TOLERANCE
    save_file(stored, path)
    with pytest.raises(UserError, match="does not hold logits of this model"):
        golden_difference(model, tmp_path)


def test_verify(entry: Path, text: Path) -> None:
    def results(**options: object) -> dict[str, str]:
        return {check.what: check.result for check in verify(NAME, entry, **options)}  # type: ignore[arg-type]

    whole = {"manifest": "not checked", "hashes": "ok", "golden logits": "ok", "score": "ok"}
    assert results(files=[str(text)]) == whole
    assert results() == whole | {"score": "not checked"}  # own text: it is not here
    assert results(quick=True) == whole | {"score": "not checked"}
    metrics = json.loads((entry / "metrics.json").read_text())
    metrics["scores"]["valid"]["nll"] += 0.01
    (entry / "metrics.json").write_text(json.dumps(metrics))
    assert results() == {"manifest": "not checked", "hashes": "failed"}
    write_listing(entry)  # a lie with hashes that fit
    assert results(files=[str(text)]) == whole | {"score": "failed"}


def test_verify_command(entry: Path, text: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(entry), "--text", str(text)]) == 0
    assert "golden logits" in capsys.readouterr().out
    assert main(["verify", str(entry), "--quick", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[str(entry)][1]["result"] == "ok"
    (entry / "README.md").write_text("another")
    assert main(["verify", str(entry), "--quick"]) == 1
    assert "README.md" in capsys.readouterr().out
    assert main(["verify"]) == 2


def test_card(entry: Path) -> None:
    text = (entry / "README.md").read_text()
    assert card(entry) == text
    data = ModelCard(text).data
    assert data.library_name == "rnnzoo"
    assert data.license == "other"  # own text: nobody stated a licence
    metrics = json.loads((entry / "metrics.json").read_text())
    assert [result.metric_value for result in data.eval_results] == [round(metrics[k], 4) for k in ("ppl", "bits")]
    assert "    abc\n    bcd" in text
    assert str(entry.parent) not in text


def test_card_says_research_only_first(entry: Path) -> None:
    path = entry / "metrics.json"
    metrics = json.loads(path.read_text())
    metrics["corpus"]["name"] = "ptb-char"
    path.write_text(json.dumps(metrics))
    assert "**FOR RESEARCH ONLY." in card(entry)


def test_manifest(entry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "package").mkdir()
    monkeypatch.setattr("rnnzoo.zoo.paths.PACKAGE", tmp_path / "package")
    assert not check_pinned(NAME, entry)
    note_entry(NAME, entry)
    assert manifest_path().is_file()
    assert check_pinned(NAME, entry)
    (entry / "samples.txt").write_text("--- temperature 0.8, seed 1\nother\n")
    write_listing(entry)  # hashes that fit each other, but not the manifest
    with pytest.raises(UserError, match="is not the one that this version of rnnzoo vouches for"):
        check_pinned(NAME, entry)


def test_packaged_entries_are_those_of_the_manifest() -> None:
    root = packaged("pretrained")
    assert root is not None
    for name, known in read_manifest()["entries"].items():
        assert known["entry_sha256"] == sha256_file(root / name / "entry.json")
        assert card(root / name) == (root / name / "README.md").read_text(encoding="utf-8")
        assert [check.result for check in verify(name, root / name, quick=True)] == ["ok", "ok", "ok", "not checked"]


def test_list_and_show(capsys: pytest.CaptureFixture[str]) -> None:
    name = "char-lstm.tinyshakespeare"
    assert name in rnnzoo.list_models("char-*", task="char_lm", cell="lstm", commercial=True)
    assert name not in rnnzoo.list_models(cell="gru")
    captions = [f"mt-gru.multi30k-{pair}" for pair in ("de-en", "en-fr")]
    of_lstm = ["mt-lstm.numbers-en-fr", "mt-vanilla.multi30k-en-fr"]
    assert sorted(rnnzoo.list_models("mt-*", cell="lstm")) == of_lstm
    others = [f"mt-mingru.{pairs}" for pairs in ("multi30k-en-de", "multi30k-en-fr", "tatoeba-en-fr")]
    assert sorted(rnnzoo.list_models("mt-*", task="translator")) == sorted(captions + of_lstm + others)
    german = rnnzoo.list_models(language="de")
    assert {"mt-gru.multi30k-de-en", "mt-mingru.multi30k-en-de"} <= set(german)
    assert "mt-gru.multi30k-en-fr" not in german
    assert not rnnzoo.list_models("mt-*multi30k*", commercial=True)
    small = rnnzoo.list_models(max_mb=2)
    sizes = [model_facts(one, entry_names()[one])["bytes"] for one in small]
    assert small
    assert max(sizes) <= 2e6
    assert len(rnnzoo.list_models(max_mb=2, sort="size")) == len(small)
    ordered = rnnzoo.list_models(sort="size")
    sizes = [model_facts(one, entry_names()[one])["bytes"] for one in ordered]
    assert sizes == sorted(sizes)
    shakespeare = [one for one in rnnzoo.list_models("char-*", sort="score") if one.endswith(".tinyshakespeare")]
    scores = [model_facts(one, entry_names()[one])["score"] for one in shakespeare]
    assert scores == sorted(scores)
    captions = rnnzoo.list_models("mt-*.multi30k-en-fr", sort="score")
    scores = [model_facts(one, entry_names()[one])["score"] for one in captions]
    assert len(captions) == 3
    assert scores == sorted(scores, reverse=True)
    assert rnnzoo.list_models(language="en", commercial=True, max_mb=0.001) == []
    words = ["--language", "fr", "--license", "commercial", "--max-mb", "20", "--sort", "score", "--json"]
    assert main(["list", *words]) == 0
    listed = [one["name"] for one in json.loads(capsys.readouterr().out)]
    assert listed == rnnzoo.list_models(language="fr", commercial=True, max_mb=20, sort="score")
    assert "mt-mingru.tatoeba-en-fr" in listed
    assert main(["list", "char-lstm*"]) == 0
    assert name in capsys.readouterr().out
    assert main(["list", "--cell", "lstm", "--json"]) == 0
    assert any(facts["name"] == name for facts in json.loads(capsys.readouterr().out))
    assert main(["show", name]) == 0
    assert "public domain" in capsys.readouterr().out
    assert main(["show", name, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["parameters"] == 1_001_289


@pytest.mark.parametrize(
    ("said", "published"),
    [
        ("/elsewhere/runs/char-wide.poem/1", "runs/char-wide.poem/1"),
        ("~/runs/char-wide.poem/1", "runs/char-wide.poem/1"),
        ("runs/char-wide.poem/1", "runs/char-wide.poem/1"),
        ("hub:org/char-wide", "hub:org/char-wide"),
    ],
)
def test_a_recipe_is_published_without_the_folder_that_it_went_on_from(
    said: str, published: str, tmp_path: Path
) -> None:
    (tmp_path / "recipe.yaml").write_text(f"task: char_lm\ninit_from: {said}\ndata: {{corpus: tinyshakespeare}}\n")
    shared = parse_yaml(shareable_recipe(tmp_path / "recipe.yaml"))
    assert shared == {"task": "char_lm", "init_from": published, "data": {"corpus": "tinyshakespeare"}}
