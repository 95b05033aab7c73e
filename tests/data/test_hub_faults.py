"""Datasets of a hub over a bad network: one line, and nothing that a later call takes for the whole."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hub_folders import contents, one_line, publish, sentences, texts, write
from hub_server import Hub, Repo, running_hub
from hub_server.client import Client, variables

from rnnzoo.data import build_shards, load_shards
from rnnzoo.errors import UserError

FAULTY = "org/parts"
CHARACTERS = 300_000


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """A folder of five files, and the shards that are made of it."""
    place = tmp_path_factory.mktemp("whole")
    write(place / FAULTY, {f"train-{n}.txt": (sentences(400, n).replace("\n", " ") + "\n") * 100 for n in range(5)})
    with contextlib.chdir(place):
        build_shards("made", hub=FAULTY, shard_characters=CHARACTERS)
    return place / FAULTY, contents(place / "made")


@pytest.fixture
def parts(hub: Hub, whole: tuple[Path, dict[str, bytes]]) -> Repo:
    """The same on the hub."""
    return publish(hub, whole[0], FAULTY)


BUILD = ["data", "build", "made", "--hub", FAULTY, "--shard-characters", str(CHARACTERS)]


def test_a_connection_that_breaks_is_made_again(
    hub: Hub, client: Client, parts: Repo, whole: tuple[Path, dict[str, bytes]], away: Path
) -> None:
    hub.cut["train-3.txt"] = [100]
    said = client.command(*BUILD, at=away)
    assert (said.code, said.err) == (0, "rnnzoo: hub dataset 'org/parts': no connection; trying again\n")
    assert contents(away / "made") == whole[1]


@pytest.mark.parametrize("reading", [0, 1, 2], ids=["measured", "tokenized", "encoded"])
def test_a_build_that_breaks_off_goes_on(
    hub: Hub, client: Client, parts: Repo, whole: tuple[Path, dict[str, bytes]], away: Path, reading: int
) -> None:
    """Cut within a file, which is not to be had then; the same command finishes the folder, to the byte."""
    hub.cut["train-3.txt"] = [10**9] * reading + [100]
    hub.status["train-3.txt"] = [None] * (reading + 1) + [404]
    one_line(client.command(*BUILD, at=away), f"hub dataset {FAULTY!r} cannot be loaded: ", "404", "train-3.txt")
    if reading < 2:
        assert not (away / "made").exists()
    else:
        kept = contents(away / "made")
        assert len(kept) > 5
        assert all(whole[1][name] == kept[name] for name in kept.keys() - {"building.jsonl"})
        with pytest.raises(UserError, match="holds no complete corpus"):
            load_shards(away / "made")
    hub.log.clear()
    assert client.command(*BUILD, at=away).code == 0
    assert contents(away / "made") == whole[1]
    gets = [path for path in hub.requests("GET") if path.endswith("train-3.txt")]
    assert len(gets) == (3 if reading < 2 else 1)  # to measure it, to make the tokenizer, to encode it


def other_once(at: int) -> Callable[[bytes], bytes]:
    """What a file becomes of which the reading number `at` is answered with something else."""
    count = -1

    def spoil(data: bytes) -> bytes:
        nonlocal count
        count += 1
        return b"a bad cab\n" if count == at else data

    return spoil


CHANGED = f"rnnzoo: {FAULTY}: the text has changed while it was read; build it in another folder"


@pytest.mark.parametrize("reading", [0, 1, 2], ids=["measured", "tokenized", "encoded"])
def test_another_text_in_place_of_a_file(hub: Hub, client: Client, parts: Repo, away: Path, reading: int) -> None:
    """A proxy answers with what it likes: the text is not the same each time, which is seen."""
    hub.spoil["train-1.txt"] = other_once(reading)
    assert one_line(client.command(*BUILD, at=away)) == CHANGED
    with pytest.raises(UserError, match="holds no complete corpus"):
        load_shards(away / "made")


@pytest.mark.parametrize("reading", [1, 2], ids=["tokenized", "encoded"])
def test_what_is_made_of_another_text_is_never_taken_for_this_one(
    hub: Hub, client: Client, parts: Repo, away: Path, reading: int
) -> None:
    """Nor after an interruption, with all readings as they should be."""
    hub.spoil["train-1.txt"] = other_once(reading)
    hub.status["train-4.txt"] = [None, None, 404]
    one_line(client.command(*BUILD, at=away), "404")
    for _ in range(2):
        assert one_line(client.command(*BUILD, at=away)) == CHANGED


def test_a_commit_between(
    hub: Hub, client: Client, parts: Repo, whole: tuple[Path, dict[str, bytes]], away: Path
) -> None:
    """The text decides: another card changes nothing, another text is refused."""
    hub.status["train-4.txt"] = [None, None, 404]
    one_line(client.command(*BUILD, at=away), "404")
    files = parts.commits[parts.tags["v1"]]
    parts.commit({**files, "train-1.txt": b"another\n"})
    one_line(client.command(*BUILD, at=away), "made: these shards are of another text", "or it has changed since")
    parts.commit({**files, "README.md": b"# A card\n"})
    said = client.command(*BUILD, at=away)
    assert (said.code, said.err) == (0, "")
    assert contents(away / "made") == whole[1]


def test_what_is_not_to_be_had(hub: Hub, client: Client, parts: Repo, away: Path) -> None:
    hub.add("datasets/org/closed", {"train.txt": b"x\n"}).private = True
    hub.add("datasets/org/gated", {"train.txt": b"x\n"}).gated = True
    hub.add("datasets/org/empty", {"README.md": b"nothing\n"})
    hub.add("datasets/org/torn", {"train.txt": b"x\n", "validation.parquet": b"PAR1"})
    hub.status["train-0.txt"] = [404, 404]
    reasons = {
        "org/nowhere": "Dataset 'org/nowhere' doesn't exist on the Hub or cannot be accessed. If it is private, log in",
        "org/closed": "Dataset 'org/closed' doesn't exist on the Hub or cannot be accessed. If it is private, log in",
        "org/gated": "Dataset 'org/gated' is a gated dataset on the Hub. You must be authenticated to access it.",
        "org/parts:fr": "BuilderConfig 'fr' not found.",
        "org/parts": "404",
        "org/empty": "contain any data files",
        "org/torn": "data file format",
        "org/x/y": "Couldn't find any data file",
    }
    loaded = texts(client, away, *reasons)
    for name, reason in reasons.items():
        line = one_line(client.command("data", "build", "made", "--hub", name, at=away), reason)
        assert line.startswith(f"rnnzoo: hub dataset {name!r} cannot be loaded: ")
        assert isinstance(said := loaded[name], str)
        assert reason in said
    assert not list(away.iterdir())


def test_what_was_loaded_once_is_there_without_a_server(hub: Hub, client: Client, parts: Repo, away: Path) -> None:
    """Not before, though: neither a part of a file, nor files without the others, are taken for the whole."""
    hub.cut["train-3.txt"], hub.status["train-3.txt"] = [100], [None, 404]
    failed = f"hub dataset {FAULTY!r} cannot be loaded: "
    assert failed + "Client error '404 Not Found' for url" in texts(client, away, FAULTY)[FAULTY]
    hub.down = True
    assert failed + "Server disconnected" in texts(client, away, FAULTY)[FAULTY]
    one_line(client.command(*BUILD, at=away), failed + "Server disconnected")
    hub.down = False
    whole = texts(client, away, FAULTY)
    assert isinstance(whole[FAULTY], dict)
    hub.down = True
    assert texts(client, away, FAULTY) == whole


@pytest.mark.slow
def test_no_server(tmp_path: Path) -> None:
    """The libraries ask again for half a minute, of which one line is seen."""
    with running_hub() as hub:
        env = variables(hub.url, tmp_path / "home")
    command = [sys.executable, "-m", "rnnzoo", *BUILD]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    again, failed = done.stderr.splitlines()
    assert (done.returncode, again) == (2, f"rnnzoo: hub dataset {FAULTY!r}: no connection; trying again")
    assert failed.startswith(f"rnnzoo: hub dataset {FAULTY!r} cannot be loaded: Couldn't reach {FAULTY!r} on the Hub")
    assert not (tmp_path / "made").exists()
