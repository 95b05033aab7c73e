"""Entries of translators: scored again, complete, published, fetched, described."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hub_server import Hub
from huggingface_hub import ModelCard
from small_translator import NAME, MadeTranslator, make_translator

from rnnzoo.cli import main
from rnnzoo.errors import UserError
from rnnzoo.files import sha256_file
from rnnzoo.models import Seq2Seq
from rnnzoo.tasks.translator.samples import EXAMPLES
from rnnzoo.zoo import download, load, load_folder, make_entry, model_facts, parse_yaml, push_to_hub, verify
from rnnzoo.zoo.card import card
from rnnzoo.zoo.entry import write_listing
from rnnzoo.zoo.kinds import kind_of_task
from rnnzoo.zoo.score import score_entry

# huggingface_hub 2.4 uploads in a way that its own HTTP library deprecates
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

REPO = "org/mt-gru.poem"
INPUTS = (torch.tensor([[3, 1, 4, 1, 5, 11]]), torch.tensor([6]), torch.tensor([[12, 3, 5, 8]]))


@pytest.fixture(scope="session")
def translator(tmp_path_factory: pytest.TempPathFactory) -> MadeTranslator:
    return make_translator(tmp_path_factory.mktemp("translator"))


@pytest.fixture
def files(translator: MadeTranslator) -> list[str]:
    return translator.files


@pytest.fixture
def finished(translator: MadeTranslator, tmp_path: Path) -> Path:
    return Path(shutil.copytree(translator.run, tmp_path / "runs" / NAME / "1"))


@pytest.fixture
def folder(translator: MadeTranslator, tmp_path: Path) -> Path:
    return Path(shutil.copytree(translator.entry, tmp_path / "pretrained" / NAME))


def change(path: Path, edit: Callable[[Any], None]) -> None:
    data = json.loads(path.read_text())
    edit(data)
    path.write_text(json.dumps(data))


def test_an_entry_is_complete(folder: Path, finished: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    assert names == {
        *("config.json", "model.safetensors", "tokenizer.json", "tokenizer.src.json", "metrics.json", "recipe.yaml"),
        *("samples.txt", "golden.safetensors", "README.md", "entry.json"),
    }
    assert set(json.loads((folder / "entry.json").read_text())["files"]) == names - {"entry.json"}
    assert parse_yaml((folder / "recipe.yaml").read_text())["data"]["files"] == ["poem.src", "poem.tgt"]
    assert parse_yaml((finished / "recipe.yaml").read_text())["data"]["files"][0].endswith("/poem.src")
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["stored_dtype"] == "float16"
    assert set(metrics["scores"]) == {"valid", "test"}
    assert metrics["bleu"]["signature"].startswith("nrefs:1|case:mixed")
    assert metrics["files"]["tokenizer.src.json"] == sha256_file(folder / "tokenizer.src.json")
    assert load_folder(folder).head.weight.dtype == torch.float32


def test_scored_again_it_is_what_is_on_record(folder: Path, files: list[str]) -> None:
    model = load_folder(folder, kind=Seq2Seq)
    score = score_entry(model, folder, files=files)
    metrics = json.loads((folder / "metrics.json").read_text())
    assert {key: score[key] for key in metrics["scores"]["test"]} == metrics["scores"]["test"]
    assert score["recorded"] == {
        "nll": metrics["nll"],
        "bleu.score": metrics["bleu"]["score"],
        "chrf.score": metrics["chrf"]["score"],
    }
    assert score["sentences"] == 8
    assert score["task"] == "translator"
    valid = score_entry(model, folder, split="valid", files=files)
    assert valid["nll"] == metrics["scores"]["valid"]["nll"] != score["nll"]
    change(folder / "metrics.json", lambda found: found["search"].update(beam=1, max_len=3))
    assert score_entry(model, folder, files=files)["chrf"] != score["chrf"]  # the search is part of what BLEU means


def test_the_search_on_record_has_bounds(folder: Path, files: list[str]) -> None:
    change(folder / "metrics.json", lambda found: found["search"].update(beam=10**9))
    write_listing(folder)
    with pytest.raises(UserError, match=r"search\.beam: 1 <= beam <= 10000; got 1000000000"):
        score_entry(load_folder(folder), folder, files=files)


def test_own_pairs_have_to_be_named_again(folder: Path, files: list[str]) -> None:
    model = load_folder(folder, kind=Seq2Seq)
    with pytest.raises(UserError, match=r"your own pairs \(poem.src poem.tgt\): say where they are with --text"):
        score_entry(model, folder)
    with pytest.raises(UserError, match=r"--text: poem\.src poem\.tgt are needed, in this order"):
        score_entry(model, folder, files=files[:1])
    with pytest.raises(UserError, match=r"has no part 'dev' \(it has train, valid, test\)"):
        score_entry(model, folder, split="dev", files=files)


@pytest.mark.parametrize("table", [False, True])
def test_own_files_of_every_part(tmp_path: Path, files: list[str], table: bool) -> None:
    """Files for validation and test, and tables, are given in the order of the data section, without their folders."""
    kind = kind_of_task("translator")
    if table:
        rows = zip(*(Path(file).read_text().splitlines() for file in files), strict=True)
        (tmp_path / "poem.tsv").write_text("".join(f"{tgt}\t{src}\n" for src, tgt in rows))
        given = [str(tmp_path / "poem.tsv")] * 3
        data = {"tsv": given[0], "columns": [2, 1], "valid_files": given[1:2], "test_files": given[2:], "files": []}
        named = {"tsv": "poem.tsv", "files": [], "valid_files": ["poem.tsv"], "test_files": ["poem.tsv"]}
    else:
        given = files * 3
        data = {"files": files, "valid_files": files, "test_files": files}
        named = {key: ["poem.src", "poem.tgt"] for key in data}
    assert kind.shareable(data) == named
    corpus = kind.corpus(data | named, given)
    assert [len(corpus.splits[split][0]) for split in ("train", "valid", "test")] == [80, 80, 80]
    assert corpus.splits["test"][0][0][0] in "abcdefgh"


@pytest.mark.parametrize(
    "data",
    [
        {"corpus": 3},
        {"hub": ["a"]},
        {"files": "ab"},
        {"files": [1, 2]},
        {"tsv": 3},
        {"columns": [1]},
        {"cleaning": 3},
        {},
    ],
)
def test_data_section_that_rnnzoo_did_not_write(data: dict[str, Any]) -> None:
    with pytest.raises(UserError):
        kind_of_task("translator").corpus(data)


def test_figures_that_are_not_so(finished: Path, files: list[str], tmp_path: Path) -> None:
    change(finished / "metrics.json", lambda found: found["scores"]["valid"]["bleu"].update(score=50.0))
    with pytest.raises(UserError, match=r"valid: 50\.00 BLEU are on record, but \d+\.\d\d were measured"):
        make_entry(finished, NAME, tmp_path / "pretrained", files=files)
    assert not (tmp_path / "pretrained").exists()


def test_verify(folder: Path, files: list[str]) -> None:
    def results(**options: Any) -> dict[str, str]:
        return {check.what: check.result for check in verify(NAME, folder, **options)}

    whole = {"manifest": "not checked", "hashes": "ok", "golden logits": "ok", "score": "ok"}
    assert results(files=files) == whole
    assert results() == whole | {"score": "not checked"}
    for key in ("bleu", "chrf"):
        before = (folder / "metrics.json").read_bytes()
        change(folder / "metrics.json", lambda found, key=key: found["scores"]["test"][key].update(score=99.0))
        write_listing(folder)  # a lie with hashes that fit
        assert results(files=files) == whole | {"score": "failed"}
        (folder / "metrics.json").write_bytes(before)
    write_listing(folder)
    assert results(files=files) == whole


def test_the_commands(folder: Path, files: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["test", str(folder), "--text", *files]) == 0
    out = capsys.readouterr().out
    assert "poem.src, test, 8 sentences" in out
    assert "BLEU" in out
    assert "on record: " in out
    assert main(["test", str(folder), "--text", *files, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bleu"]["signature"].startswith("nrefs:1")
    assert main(["verify", str(folder), "--text", *files, "--json"]) == 0
    assert "chrF (+0.0e+00, allowed 1e-01)" in capsys.readouterr().out
    assert main(["show", str(folder)]) == 0
    assert "nrefs:1|case:mixed" in capsys.readouterr().out
    one, other = (Path(file).read_text().splitlines() for file in files)
    swapped = [tmp_path / "a", tmp_path / "b"]
    for path, lines in zip(swapped, (one, other[::-1]), strict=True):
        path.write_text("\n".join(lines) + "\n")
    assert main(["test", str(folder), "--text", *map(str, swapped)]) == 2
    assert "another sha256" in capsys.readouterr().err


def test_the_entry_command(
    finished: Path, files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "entries"
    assert main(["entry", str(finished), NAME, "--root", str(root), "--text", *files]) == 0
    assert "BLEU" in capsys.readouterr().out
    assert isinstance(load(root / NAME), Seq2Seq)


@pytest.mark.parametrize(
    "words",
    [
        ["generate"],
        ["score", "poem.txt"],
        ["score", "--pairs", "poem.txt"],
        ["show", "--nearest", "a"],
        ["test", "--cache"],
    ],
)
def test_commands_for_language_models(
    folder: Path, words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("poem.txt").write_text("a\tb\n")
    assert main([words[0], str(folder), *words[1:]]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert (
        err == f"rnnzoo: {folder} is a translator, and this takes a language model: it goes with `rnnzoo translate`\n"
    )


def test_card(folder: Path) -> None:
    text = (folder / "README.md").read_text()
    assert card(folder) == text
    data = ModelCard(text).data
    assert data.pipeline_tag == "translation"
    assert data.language == ["la", "it"]
    assert {result.metric_type for result in data.eval_results} == {"bleu", "chrf"}
    assert "A translator from la to it: encoder 1 x gru of 4 in both directions, decoder 1 x lstm of 8, general" in text
    assert f'rnnzoo translate {NAME} "' in text
    assert "an output vocabulary of 13 characters" in text
    assert "BLEU of lower-cased tokens" in text
    assert "nrefs:1|case:mixed" in text
    assert "a beam of 2 with length penalty wu 1" in text
    assert "BLEU by the source's length in words (test, sentences in brackets): 0 to 10 " in text
    assert "| source | translation | reference |" in text


def test_a_corpus_that_must_not_be_quoted(
    hub: Hub, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No sentence of Multi30k is in the folder that is published: its samples are sentences of ours."""
    change(
        finished / "metrics.json",
        lambda found: found.update(corpus=found["corpus"] | {"name": "multi30k en-fr"}, languages=["en", "fr"]),
    )
    change(finished / "config.json", lambda found: found["data"].update(corpus="multi30k", files=[]))
    change(
        finished / "metrics.json",
        lambda found: found["files"].update({"config.json": sha256_file(finished / "config.json")}),
    )
    monkeypatch.setenv("RNNZOO_DATA", str(tmp_path))  # where it is not
    push_to_hub(finished, REPO, token="hf_writer", unverified=True)
    entry = download(REPO)
    sources = [line for line in (entry / "samples.txt").read_text().split("\n") if line and not line.startswith(" ")]
    assert sources == [*EXAMPLES["en"]]
    text = (entry / "README.md").read_text()
    assert "**FOR RESEARCH ONLY." in text
    assert "from English to French" in text
    assert "`rnnzoo data get multi30k`" in text
    assert "| source | translation |\n" in text
    facts = model_facts("x", entry)
    assert not facts["commercial"]
    assert facts["languages"] == ["en", "fr"]


def test_published_and_fetched(hub: Hub, folder: Path, finished: Path, files: list[str]) -> None:
    done = push_to_hub(folder, REPO, token="hf_writer", files=files)
    there = {name: data for name, data in hub.repos[REPO].commits[done.commit].items() if name != ".gitattributes"}
    assert there == {path.name: path.read_bytes() for path in folder.iterdir()}
    fetched = load(REPO, kind=Seq2Seq)
    assert torch.equal(fetched(*INPUTS), load_folder(folder, kind=Seq2Seq)(*INPUTS))
    assert fetched.src_tokenizer != fetched.tgt_tokenizer
    run = push_to_hub(finished, "org/run", token="hf_writer", files=files)
    assert b"/poem.src" not in hub.repos["org/run"].commits[run.commit]["recipe.yaml"]
    assert torch.equal(load("org/run", kind=Seq2Seq)(*INPUTS), load_folder(finished, kind=Seq2Seq)(*INPUTS))


def test_a_plain_translator_is_published(hub: Hub, finished: Path) -> None:
    model = load_folder(finished, kind=Seq2Seq)
    with pytest.raises(UserError, match="could not be measured"):
        push_to_hub(model, REPO, token="hf_writer")
    push_to_hub(model, REPO, token="hf_writer", unverified=True)
    assert torch.equal(load(REPO, kind=Seq2Seq)(*INPUTS), model(*INPUTS))
