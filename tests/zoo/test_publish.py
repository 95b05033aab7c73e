"""The whole zoo on a hub: a repository an entry, a collection of them, and nothing twice."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hub_server import Hub

from rnnzoo.cli import main
from rnnzoo.errors import UserError
from rnnzoo.files import sha256_file
from rnnzoo.zoo import push_all, read_manifest
from rnnzoo.zoo.entry import write_listing

# huggingface_hub 2.4 uploads in a way that its own HTTP library deprecates
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
OPTIONS = {"token": "hf_writer", "unverified": True}  # its text is the tester's own


@pytest.fixture
def entries(entry: Path) -> dict[str, Path]:
    """Two entries of one folder's making."""
    other = Path(shutil.copytree(entry, entry.parent / "char-lstm.song"))
    (other / "samples.txt").write_text("--- temperature 0.8, seed 1\nla\n")
    write_listing(other)
    return {"char-lstm.poem": entry, "char-lstm.song": other}


def test_everything_once(hub: Hub, entries: dict[str, Path]) -> None:
    said: list[tuple[str, str]] = []
    done, address = push_all("org", entries, report=lambda word, one: said.append((word, one.repo)), **OPTIONS)
    repos = ["org/char-lstm.poem", "org/char-lstm.song"]
    assert sorted(hub.repos) == repos
    assert said == [("published", repo) for repo in repos]
    assert list(hub.collections.values()) == [repos]
    assert address.endswith("/collections/org/rnnzoo-64f9a55b")
    for one, folder in zip(done, entries.values(), strict=True):
        files = hub.repos[one.repo].commits[one.commit]
        assert {name: files[name] for name in files if name != ".gitattributes"} == {
            path.name: path.read_bytes() for path in folder.iterdir()
        }
    hub.log.clear()
    said.clear()
    again, _ = push_all("org", entries, report=lambda word, one: said.append((word, one.repo)), **OPTIONS)
    assert again == done
    assert said == [("there already", repo) for repo in repos]
    assert not [path for path in hub.requests("POST") if "/commit/" in path or path.endswith("/items")]


def test_it_goes_on_where_it_was_interrupted(hub: Hub, entries: dict[str, Path]) -> None:
    whole = entries["char-lstm.song"] / "model.safetensors"
    data = whole.read_bytes()
    whole.write_bytes(data[:-1])
    with pytest.raises(UserError, match=r"model\.safetensors"):
        push_all("org", entries, **OPTIONS)
    assert sorted(hub.repos) == ["org/char-lstm.poem"]
    first = hub.repos["org/char-lstm.poem"].branches["main"]
    whole.write_bytes(data)
    push_all("org", entries, **OPTIONS)
    assert hub.repos["org/char-lstm.poem"].branches["main"] == first
    assert list(hub.collections.values()) == [["org/char-lstm.poem", "org/char-lstm.song"]]


def test_a_changed_entry_is_published_again(hub: Hub, entries: dict[str, Path]) -> None:
    push_all("org", entries, **OPTIONS)
    before = {name: repo.branches["main"] for name, repo in hub.repos.items()}
    (entries["char-lstm.poem"] / "samples.txt").write_text("--- temperature 0.8, seed 1\nnew\n")
    write_listing(entries["char-lstm.poem"])
    push_all("org", entries, **OPTIONS)
    after = {name: repo.branches["main"] for name, repo in hub.repos.items()}
    assert [name for name in after if after[name] != before[name]] == ["org/char-lstm.poem"]


def test_what_is_refused(hub: Hub, entries: dict[str, Path]) -> None:
    with pytest.raises(UserError, match="'org/x' is no organisation"):
        push_all("org/x", entries, **OPTIONS)
    with pytest.raises(UserError, match="no entry to publish"):
        push_all("org", {}, **OPTIONS)
    with pytest.raises(UserError, match="the hub says no"):
        push_all("org", entries, token="hf_stranger", unverified=True)
    assert not hub.collections


def test_the_command_notes_it_in_the_checkout(
    hub: Hub,
    entries: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "rnnzoo" / "zoo").mkdir(parents=True)
    known = {
        name: {"entry_sha256": sha256_file(folder / "entry.json"), "repo": None, "commit": None}
        for name, folder in entries.items()
    }
    (tmp_path / "rnnzoo" / "zoo" / "manifest.json").write_text(json.dumps({"entries": known}))
    monkeypatch.setattr("rnnzoo.zoo.paths.PACKAGE", tmp_path / "rnnzoo")
    monkeypatch.setenv("HF_TOKEN", "hf_writer")
    assert main(["push", "--all", "org", "--unverified"]) == 0
    assert "2 models" in capsys.readouterr().out
    for name, line in read_manifest()["entries"].items():
        assert line["repo"] == f"org/{name}"
        assert line["commit"] == hub.repos[f"org/{name}"].branches["main"]
    assert main(["push", "--all", "org", "char-lstm.poem"]) == 2
    assert main(["push"]) == 2
    assert "rnnzoo push --all ORG" in capsys.readouterr().err
