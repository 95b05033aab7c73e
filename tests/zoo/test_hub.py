"""Models from a hub, and from a hub that lies: what is loaded is what was published, or nothing is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hub_server import PAGE, Hub
from huggingface_hub import constants
from small_lm import environment

import rnnzoo
from rnnzoo.cli import _plainly, main
from rnnzoo.errors import UserError
from rnnzoo.files import sha256_file
from rnnzoo.models import LanguageModel
from rnnzoo.zoo import RenamedWarning, download, load, load_folder, read_metrics, verify
from rnnzoo.zoo.entry import write_listing
from rnnzoo.zoo.hub import HubName, hub_name

REPO = "org/poem"
TOKENS = torch.tensor([[0, 3, 1, 4, 1, 5, 9, 2, 6]])


def same(model: LanguageModel, folder: Path) -> bool:
    """Whether the model says exactly what the one in the folder says."""
    return torch.equal(model(TOKENS)[0], load_folder(folder)(TOKENS)[0])


def refusal(model: str = REPO, **options: object) -> str:
    with pytest.raises(UserError) as caught:
        load(model, **options)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    return str(caught.value)


def other_entry(entry: Path, place: Path) -> dict[str, bytes]:
    """The files of an entry with other weights, whole in itself."""
    shutil.copytree(entry, place)
    model = load_folder(entry)
    with torch.no_grad():
        model.head.bias.add_(1)
    rnnzoo.zoo.save_folder(place, model, metrics=read_metrics(entry))
    write_listing(place)
    assert not same(load_folder(place), entry)
    return {path.name: path.read_bytes() for path in place.iterdir()}


# --------------------------------------------------------------------------------------------- what is asked for


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("org/name", HubName("org/name")),
        ("Org-1/char-lstm.poem@v1.0", HubName("Org-1/char-lstm.poem", "v1.0")),
        ("org/name@refs/pr/3", HubName("org/name", "refs/pr/3")),
        *(
            (text, None)
            for text in ("name", "a/b/c", "./a", "../b", "/a/b", "a/", "a/b@", "a/b@../../x", "~/a", "a/..b")
        ),
    ],
)
def test_names(text: str, name: HubName | None) -> None:
    assert hub_name(text) == name


def test_loads_what_was_published(online: Hub, entry: Path) -> None:
    model = load(REPO)
    assert same(model, entry)
    assert not model.training
    agents = {agent for _, _, agent in online.log}
    assert all(f"rnnzoo/{rnnzoo.__version__}" in agent for agent in agents)
    folder = download(REPO)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        path.name: path.read_bytes() for path in entry.iterdir()
    }
    assert same(load(f"hub:{REPO}", dtype="float64").float(), entry)


def test_only_the_files_of_an_entry_are_fetched(online: Hub) -> None:
    repo = online.repos[REPO]
    repo.commit(
        {**repo.commits[repo.tags["v1"]], "pytorch_model.bin": b"x", "setup.py": b"x", "deep/config.json": b"x"}
    )
    assert {path.name for path in download(REPO).iterdir()} == {path for path in repo.commits[repo.tags["v1"]]}
    assert not any("pytorch_model" in path or "setup.py" in path for path in online.requests())


def test_another_process_says_the_same(online: Hub, entry: Path, tmp_path: Path) -> None:
    """With nothing but HF_ENDPOINT and an empty cache."""
    code = (
        "import rnnzoo, torch\n"
        f"print(rnnzoo.load({REPO!r})(torch.tensor({TOKENS.tolist()}))[0].double().sum().item().hex())"
    )
    variables = {"HF_ENDPOINT": online.url, "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment(**variables), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == load_folder(entry)(TOKENS)[0].double().sum().item().hex()


def test_folder_before_hub(online: Hub, entry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(entry, tmp_path / "org" / "poem")
    load(REPO)
    assert not online.log
    load(f"hub:{REPO}")
    assert online.log
    with pytest.raises(UserError, match=r"'hub:./x' is not hub:ORG/NAME"):
        load("hub:./x")


def test_revisions(online: Hub, entry: Path, tmp_path: Path) -> None:
    repo = online.repos[REPO]
    first, second = repo.tags["v1"], repo.commit(other_entry(entry, tmp_path / "other"))
    assert same(load(f"{REPO}@v1"), entry)
    assert same(load(REPO, revision=first), entry)
    assert same(load(REPO), tmp_path / "other")
    assert same(load(f"{REPO}@{second}"), tmp_path / "other")
    assert "has no branch, tag or commit 'v2'" in refusal(f"{REPO}@v2")
    assert "revision 'v1' in its name, but 'v2' beside it" in refusal(f"{REPO}@v1", revision="v2")
    assert "a folder has no revisions" in refusal(str(entry), revision="v1")


def test_a_branch_that_moves_on_the_way(online: Hub, entry: Path, tmp_path: Path) -> None:
    """The files are those of the commit that the branch was when it was looked up."""
    new = other_entry(entry, tmp_path / "other")
    online.after_info = lambda: online.repos[REPO].commit(new) and None
    assert same(load(REPO), entry)
    online.after_info = None
    assert same(load(REPO), tmp_path / "other")


def test_private(online: Hub, entry: Path) -> None:
    online.repos[REPO].private = True
    for token in (False, "hf_stranger"):
        assert "no such model on the hub, or a private one" in refusal(token=token)
    assert same(load(REPO, token="hf_writer"), entry)
    assert online.cdn_log  # where a token would have been refused
    assert same(load(REPO, local_files_only=True), entry)


def test_renamed_repository(online: Hub, entry: Path) -> None:
    online.renamed["org/old"] = REPO
    assert same(load("org/old"), entry)


def test_a_download_that_breaks_off_goes_on(online: Hub, entry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 100)  # what is kept of a download are whole pieces of 10 MB
    online.cut["model.safetensors"] = [100, 200]
    assert same(load(REPO), entry)
    ranges = [asked for _, path, asked in online.cdn_log if "model.safetensors" in path]
    assert ranges == [None, "bytes=100-", "bytes=300-"]


# ------------------------------------------------------------------------------------------------ what goes wrong


def flip(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 4]) + data[middle + 1 :]


WRONG: dict[str, Callable[[bytes], bytes]] = {
    "a bit": flip,
    "cut short": lambda data: data[:-7],
    "empty": lambda data: b"",
    "longer": lambda data: data + b"\0",
    "a page": lambda data: PAGE,
    "a page of that size": lambda data: (PAGE * (len(data) // len(PAGE) + 1))[: len(data)],
    "zeros": lambda data: bytes(len(data)),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("name", ["entry.json", "config.json", "model.safetensors", "README.md"])
def test_wrong_bytes_are_not_loaded(online: Hub, entry: Path, name: str, wrong: str) -> None:
    """Nor are they next time, from the cache; and when the network is well again, so is the model."""
    online.spoil[name] = WRONG[wrong]
    refusal()
    refusal(local_files_only=True)
    del online.spoil[name]
    assert same(load(REPO), entry)


def test_wrong_bytes_once_are_fetched_again(online: Hub, entry: Path) -> None:
    left = [flip]
    online.spoil["model.safetensors"] = lambda data: left.pop()(data) if left else data
    assert same(load(REPO), entry)
    assert not left


def test_a_damaged_cache(online: Hub, entry: Path) -> None:
    path = download(REPO) / "model.safetensors"
    path.write_bytes(flip(path.read_bytes()))
    assert "is damaged: its sha256 is not the one in entry.json" in refusal(local_files_only=True)
    assert same(load(REPO), entry)
    assert same(load(REPO, local_files_only=True), entry)


def test_a_storage_that_is_behind(online: Hub, entry: Path, tmp_path: Path) -> None:
    """New names for old bytes."""
    repo = online.repos[REPO]
    repo.commit(other_entry(entry, tmp_path / "other"))
    online.spoil["model.safetensors"] = lambda data: (entry / "model.safetensors").read_bytes()
    assert "model.safetensors" in refusal()


@pytest.mark.parametrize(
    "headers", [{"X-Repo-Commit": "0" * 40}, {"ETag": '"x"', "X-Linked-Etag": '"x"'}, {"X-Linked-Size": "7"}]
)
def test_lying_headers(online: Hub, entry: Path, headers: dict[str, str]) -> None:
    """What is loaded, if anything, is what entry.json names."""
    online.headers["model.safetensors"] = headers
    try:
        model = load(REPO)
    except UserError:
        return
    assert same(model, entry)


def test_no_entry(online: Hub) -> None:
    online.repos[REPO].commit({"README.md": b"# another library's model", "model.safetensors": b"x"})
    assert "is no entry of rnnzoo" in refusal()
    assert "no such model on the hub" in refusal("org/none")
    commit = online.repos[REPO].commit({"entry.json": b"{}"})
    assert "entry.json: is not an entry's listing" in refusal(f"{REPO}@{commit}")


def test_a_listed_file_that_is_not_there(online: Hub, entry: Path) -> None:
    files = {path.name: path.read_bytes() for path in entry.iterdir() if path.name != "golden.safetensors"}
    online.repos[REPO].commit(files)
    assert "golden.safetensors: is missing" in refusal()


def test_server_gone(online: Hub, entry: Path) -> None:
    online.close()
    assert "is not in the cache" in (text := refusal())
    assert "the hub cannot be reached" in text
    assert "`rnnzoo download org/poem` with a network" in text


def test_server_gone_afterwards(online: Hub, entry: Path) -> None:
    load(REPO)
    online.close()
    assert same(load(REPO), entry)


def test_offline_says_what_is_missing(online: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "org/poem is not in the cache" in (text := refusal())
    assert "HF_HUB_OFFLINE is set" in text
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    assert "no server may be asked" in refusal(f"{REPO}@v1", local_files_only=True)
    folder = download(REPO)
    (folder / "golden.safetensors").unlink()
    (folder / "tokenizer.json").unlink()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert refusal().endswith("org/poem: in the cache without golden.safetensors, tokenizer.json: load it once online")


# ---------------------------------------------------------------------------------------------------- the manifest


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, online: Hub, entry: Path) -> Path:
    """An installed package without entries, whose manifest has the one on the hub; returns the manifest."""
    path = tmp_path / "package" / "zoo" / "manifest.json"
    path.parent.mkdir(parents=True)
    monkeypatch.setattr("rnnzoo.zoo.paths.PACKAGE", tmp_path / "package")
    known = {"entry_sha256": sha256_file(entry / "entry.json"), "repo": REPO}
    known["commit"] = online.repos[REPO].tags["v1"]
    aliases = {"char-lstm.verse": "char-lstm.poem", "org/verse": REPO}
    path.write_text(json.dumps({"schema": 1, "entries": {"char-lstm.poem": known}, "aliases": aliases}))
    return path


def test_by_name_from_the_hub(package: Path, online: Hub, entry: Path, tmp_path: Path) -> None:
    """The commit of the manifest, whatever the main branch is by now; and from the cache nobody is asked."""
    online.repos[REPO].commit(other_entry(entry, tmp_path / "other"))
    assert same(load("char-lstm.poem"), entry)
    assert same(load(REPO), entry)
    online.log.clear()
    assert same(load("char-lstm.poem"), entry)
    assert not online.log
    assert same(load(REPO, revision="main"), tmp_path / "other")  # said so
    checks = {check.what: check.result for check in verify("char-lstm.poem", download("char-lstm.poem"), quick=True)}
    assert checks["manifest"] == checks["golden logits"] == "ok"


def test_a_repository_that_was_taken_over(package: Path, online: Hub, entry: Path, tmp_path: Path) -> None:
    """Another model under the commit's name, every hash of it in order."""
    repo = online.repos[REPO]
    repo.commits[repo.tags["v1"]] = other_entry(entry, tmp_path / "other")
    assert "is not the one that this version of rnnzoo vouches for" in refusal("char-lstm.poem")
    assert "is not the one that this version of rnnzoo vouches for" in refusal(REPO)


def test_packaged_before_hub(package: Path, online: Hub, entry: Path) -> None:
    own = package.parent.parent / "_pretrained" / "char-lstm.poem"
    shutil.copytree(entry, own)
    assert same(load("char-lstm.poem"), entry)
    assert not online.log
    assert download("char-lstm.poem", revision="v1") != own
    (own / "samples.txt").write_text("another")
    write_listing(own)  # whole in itself
    assert "is not the one that this version of rnnzoo vouches for" in refusal("char-lstm.poem")


def test_renamed_entries(package: Path, online: Hub, entry: Path) -> None:
    for old in ("char-lstm.verse", "org/verse"):
        with pytest.warns(RenamedWarning, match=f"^{old} is now called "):
            assert same(load(old), entry)


def test_the_command_says_a_new_name_in_one_line() -> None:
    assert _plainly("old is now called new", RenamedWarning, "load.py", 3) == "rnnzoo: old is now called new\n"
    assert "load.py:3" in _plainly("x", UserWarning, "load.py", 3)


def test_listed_from_the_cache_and_the_hub(package: Path, online: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    assert rnnzoo.list_models("char-*") == ["char-lstm.poem"]
    assert rnnzoo.list_models(task="char_lm") == []  # nothing is known of it
    assert main(["list"]) == 0
    assert "on the hub: rnnzoo download char-lstm.poem" in capsys.readouterr().out
    assert not online.log
    download("char-lstm.poem")
    assert rnnzoo.list_models(task="char_lm", cell="lstm") == ["char-lstm.poem"]
    assert rnnzoo.list_models(commercial=True) == []  # own text, of whatever licence
    assert main(["list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["score_name"] == "bits per character"


def test_known_but_nowhere(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = json.loads(package.read_text())
    data["entries"]["char-lstm.poem"] |= {"repo": None, "commit": None}
    package.write_text(json.dumps(data))
    hint = "is not among the entries that are installed: `pip install rnnzoo-pretrained` gets it"
    assert hint in refusal("char-lstm.poem")
    assert main(["list"]) == 0
    assert "not installed: `pip install rnnzoo-pretrained`" in capsys.readouterr().out
    assert "did you mean 'char-lstm.poem'?" in refusal("char-lstm.pome")


def test_the_command(package: Path, online: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["download", REPO, "--cache-dir", str(tmp_path / "mine")]) == 0
    folder = Path(capsys.readouterr().out.split(" (")[0])
    assert folder.is_relative_to(tmp_path / "mine")
    assert load_folder(folder)
    assert main(["generate", REPO, "--greedy", "--max-new-tokens", "5"]) == 0
    assert main(["verify", REPO, "--quick"]) == 0
    assert main(["show", f"{REPO}@v1"]) == 0
    capsys.readouterr()
    online.close()
    assert main(["download", "org/none"]) == 2
    assert capsys.readouterr().err.startswith("rnnzoo: org/none is not in the cache")
    assert os.listdir(tmp_path / "mine")
