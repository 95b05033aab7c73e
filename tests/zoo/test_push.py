"""Publishing: what is on the hub is the entry, whole, measured, and without anything private."""

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

from rnnzoo.cli import main
from rnnzoo.errors import UserError
from rnnzoo.models import LanguageModel, LanguageModelConfig
from rnnzoo.tasks import CharLM, WordLM
from rnnzoo.text import WordTokenizerConfig
from rnnzoo.zoo import Published, load, load_folder, push_to_hub
from rnnzoo.zoo.entry import write_listing

REPO = "org/char-lstm.poem"
# huggingface_hub 2.4 uploads in a way that its own HTTP library deprecates
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

TOKENS = torch.tensor([[0, 3, 1, 4, 1, 5, 9, 2, 6]])


@pytest.fixture
def push(hub: Hub, text: Path) -> Callable[..., Published]:
    """Publishes to the hub, which was empty, as its owner; the text is at hand."""

    def run(model: Any, repo: str = REPO, **options: Any) -> Published:
        return push_to_hub(model, repo, **{"token": "hf_writer", "files": [str(text)], **options})

    return run


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def published(hub: Hub, commit: str, repo: str = REPO) -> dict[str, bytes]:
    return {name: data for name, data in hub.repos[repo].commits[commit].items() if name != ".gitattributes"}


def test_an_entry_is_published_as_it_is(hub: Hub, entry: Path, push: Callable[..., Published]) -> None:
    done = push(entry)
    assert published(hub, done.commit) == contents(entry)
    assert not hub.repos[REPO].private
    assert len(hub.repos[REPO].commits) == 2  # the hub's own first one, and this
    line = json.loads(f"{{{done.manifest_line}}}")
    assert line == {"char-lstm.poem": {"entry_sha256": done.entry_sha256, "repo": REPO, "commit": done.commit}}
    assert torch.equal(load(REPO)(TOKENS)[0], load_folder(entry)(TOKENS)[0])
    sent = len(hub.cdn_log)
    assert push(entry).commit == done.commit  # nothing has changed
    assert len(hub.cdn_log) == sent


def test_private_branch_and_tag(hub: Hub, entry: Path, push: Callable[..., Published]) -> None:
    first = push(entry, private=True, tag="v1")
    assert hub.repos[REPO].private
    assert hub.repos[REPO].tags == {"v1": first.commit}
    write_other_samples(entry)
    second = push(entry, revision="trial")
    assert hub.repos[REPO].branches["main"] == first.commit
    assert hub.repos[REPO].branches["trial"] == second.commit != first.commit
    with pytest.raises(UserError, match=r"has the tag 'v1' already"):
        push(entry, tag="v1")
    assert hub.repos[REPO].branches["main"] == first.commit  # nor is the commit made


def write_other_samples(entry: Path) -> None:
    (entry / "samples.txt").write_text("--- temperature 0.8, seed 1\nbcd\n")
    write_listing(entry)


def test_files_that_the_entry_no_longer_has(hub: Hub, entry: Path, push: Callable[..., Published]) -> None:
    push(entry)
    (entry / "samples.txt").unlink()
    write_listing(entry)
    hub.repos[REPO].commit({**hub.repos[REPO].commits[hub.repos[REPO].branches["main"]], "notes.md": b"somebody's"})
    assert published(hub, push(entry).commit) == contents(entry) | {"notes.md": b"somebody's"}


def test_a_run_is_completed_on_the_way(hub: Hub, run: Path, push: Callable[..., Published]) -> None:
    before = contents(run)
    files = published(hub, push(run).commit)
    assert contents(run) == before
    assert set(files) == {*before, "entry.json", "golden.safetensors", "README.md"}
    assert b"/poem.txt" not in files["recipe.yaml"]
    card = ModelCard(files["README.md"].decode())
    assert card.data.library_name == "rnnzoo"
    assert f'rnnzoo.load("{REPO}")' in card.text
    assert torch.equal(load(REPO)(TOKENS)[0], load_folder(run)(TOKENS)[0])


def test_a_model_without_a_score(hub: Hub, model: LanguageModel, push: Callable[..., Published]) -> None:
    task = CharLM(model)
    ways = (lambda **o: push(model, files=None, **o), lambda **o: task.push_to_hub(REPO, token="hf_writer", **o))
    for publish in ways:
        with pytest.raises(UserError, match=r"could not be measured .*; --unverified publishes it all the same"):
            publish()
        assert not hub.requests("POST")
        done = publish(unverified=True)
        assert "No score was measured." in published(hub, done.commit)["README.md"].decode()
        assert torch.equal(load(REPO)(TOKENS)[0], model.eval()(TOKENS)[0])
        del hub.repos[REPO]
        hub.log.clear()
    again = CharLM.from_pretrained(str(push(task.model, unverified=True).repo), revision="main")
    assert again.model.training


def test_tied_weights_stay_tied(make_model: Callable[..., LanguageModel], push: Callable[..., Published]) -> None:
    model = make_model(tied=True, embedding_dim=7).eval()
    push(model, unverified=True)
    loaded = load(REPO)
    assert loaded.head.weight is loaded.embedding.weight
    assert torch.equal(loaded(TOKENS)[0], model(TOKENS)[0])


def test_a_word_model(hub: Hub, push: Callable[..., Published]) -> None:
    tokenizer = WordTokenizerConfig().build(["the cat sat on the mat , and the dog on the cat\n" * 5])
    config = {"embedding_dim": 6, "backbone": {"cell": "gru", "hidden_size": 7, "num_layers": 1}}
    model = LanguageModelConfig.from_dict(config).build(tokenizer).eval()
    task = WordLM(model)
    done = task.push_to_hub(REPO, token="hf_writer", unverified=True)
    card = published(hub, done.commit)["README.md"].decode()
    assert "language-model" in ModelCard(card).data.tags
    assert json.loads(published(hub, done.commit)["config.json"])["task"] == "word_lm"
    again = WordLM.from_pretrained(REPO)
    ids = torch.tensor([tokenizer.encode("the cat sat on the dog\n").astype("int64").tolist()])
    assert torch.equal(again.model.eval()(ids)[0], model.eval()(ids)[0])


def test_a_score_that_is_not_so(hub: Hub, entry: Path, push: Callable[..., Published]) -> None:
    with pytest.raises(UserError, match=r"could not be measured \(this model was trained on your own text"):
        push(entry, files=None)
    metrics = json.loads((entry / "metrics.json").read_text())
    metrics["scores"]["valid"]["nll"] -= 0.01
    (entry / "metrics.json").write_text(json.dumps(metrics))
    with pytest.raises(UserError, match=r"metrics\.json: is damaged"):
        push(entry, unverified=True)
    write_listing(entry)
    with pytest.raises(UserError, match="is not published: score: "):
        push(entry, unverified=True)  # a lie is not what that is for
    assert not hub.requests()


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("samples.txt", "hf_" + "a1B2" * 8),
        ("samples.txt", "ghp_" + "a1B2" * 9),
        ("README.md", "/home/" + "somebody/runs"),
        ("recipe.yaml", "C:\\Users\\" + "Somebody\\runs"),
        ("recipe.yaml", "-----BEGIN OPENSSH " + "PRIVATE KEY-----"),
        ("curve.png", "\0\1/Users" + "/somebody/curve.svg\0"),
    ],
)
def test_nothing_private(hub: Hub, entry: Path, push: Callable[..., Published], name: str, secret: str) -> None:
    with (entry / name).open("a") as file:
        file.write(secret)
    write_listing(entry)
    with pytest.raises(UserError, match=f"{name}: holds what looks like a token or a private path") as caught:
        push(entry)
    assert secret not in str(caught.value)
    assert not hub.requests()


def test_ones_own_token(hub: Hub, entry: Path, push: Callable[..., Published], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "an-unusual-token")
    (entry / "samples.txt").write_text("export HF_TOKEN=an-unusual-token\n")
    write_listing(entry)
    with pytest.raises(UserError, match="looks like a token"):
        push(entry)
    assert not hub.requests()


def test_who_may_not(hub: Hub, entry: Path, push: Callable[..., Published]) -> None:
    for token in (False, "hf_stranger", "hf_nobody"):
        with pytest.raises(UserError, match=r"^org/char-lstm.poem: the hub says no \(40[13]\): log in"):
            push(entry, token=token)
    assert not hub.repos
    for repo in ("poem", "org/poem@v1", "a/b/c", "./poem"):
        with pytest.raises(UserError, match="is no repository; one is ORG/NAME"):
            push(entry, repo)


def test_a_card_that_the_hub_refuses(hub: Hub, entry: Path, push: Callable[..., Published]) -> None:
    """Before anything is there of the commit."""
    card = (entry / "README.md").read_text()
    (entry / "README.md").write_text(card.replace("license: other\n", ""))
    write_listing(entry)
    with pytest.raises(UserError, match=r"Invalid metadata in README.md"):
        push(entry)
    assert len(hub.repos[REPO].commits) == 1


def test_the_command(
    hub: Hub, entry: Path, text: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["push", str(entry), REPO, "--text", str(text)]) == 2  # nobody is logged in
    assert "log in with `hf auth login`" in capsys.readouterr().err
    monkeypatch.setenv("HF_TOKEN", "hf_writer")
    shutil.copytree(entry, entry.parent / "org" / "copy")
    words = ["push", str(entry), REPO, "--text", str(text), "--private", "--tag", "v1"]
    assert main(words) == 0
    commit = hub.repos[REPO].tags["v1"]
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"{REPO}, commit {commit}"
    line = json.loads("{" + second.removeprefix("for rnnzoo/zoo/manifest.json: ") + "}")
    assert line["char-lstm.poem"]["commit"] == commit
    assert main(["push", str(entry), REPO]) == 2
    assert "--unverified" in capsys.readouterr().err
