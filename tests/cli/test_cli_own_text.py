"""One's own text behind a run: read again as it was read, found where it was, known by what is in it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from small_training import OWN, SMALL, Outcome, write_text

from rnnzoo.data import build_shards
from rnnzoo.files import sha256_file
from rnnzoo.tasks.identity import own_text, same_content, take_hashes
from rnnzoo.training import PairData, StreamData

Command = Callable[..., Outcome]
Refused = Callable[..., str]

RUN = "runs/char-lstm.own-text/1"


def write_foreign(path: Path) -> None:
    r"""The small text with ``é`` for ``e``, in Latin-1, its lines ended by ``\r\n``."""
    write_text(path, 1000)
    path.write_bytes(path.read_text().replace("e", "é").replace("\n", "\r\n").encode("latin-1"))


def stop_short(run: Path) -> None:
    for name in ("config.json", "model.safetensors", "tokenizer.json", "metrics.json", "samples.txt", "curve.png"):
        (run / name).unlink()


def test_a_run_is_measured_on_its_text_as_it_was_read(here: Path, command: Command, refused: Refused) -> None:
    write_foreign(here / "foreign.txt")
    words = ("train", "char-lstm.own-text", "--text", "foreign.txt", "--encoding", "latin-1", "--newlines", "keep")
    done = command(*words, *SMALL)
    assert done.code == 0, done.err
    metrics = json.loads((here / RUN / "metrics.json").read_text())
    assert r"\r" in (here / RUN / "tokenizer.json").read_text()
    assert json.loads((here / RUN / "config.json").read_text())["data"]["files"] == ["foreign.txt"]
    shutil.move("foreign.txt", "moved.txt")
    assert refused("test", RUN).endswith("own text (foreign.txt): say where it is with --text")
    for where in (("--text", "moved.txt"), ()):
        code, out, err = command("test", RUN, *where, "--json")
        assert (code, err) == (0, "")
        assert json.loads(out)["nll"] == pytest.approx(metrics["nll"], abs=1e-6)
        assert json.loads(out)["corpus_sha256"] == metrics["corpus"]["sha256"]
        if where:
            shutil.move("moved.txt", "foreign.txt")
    (here / "foreign.txt").write_bytes((here / "foreign.txt").read_bytes() + b"a")
    assert "foreign.txt: has changed since the model was trained on it" in refused("test", RUN)


@pytest.mark.parametrize("name", ["./own.txt", "{here}/own.txt", "elsewhere/copy.txt"])
def test_a_run_goes_on_with_its_text_by_another_name(run: Path, here: Path, command: Command, name: str) -> None:
    before = (run / "model.safetensors").read_bytes()
    stop_short(run)
    (here / "elsewhere").mkdir()
    shutil.copy("own.txt", "elsewhere/copy.txt")
    code, _, err = command("train", "char-lstm.own-text", "--resume", "--text", name.format(here=here))
    assert code == 0, err
    assert (run / "model.safetensors").read_bytes() == before


def test_a_run_of_before_line_ends_were_read(here: Path, command: Command, refused: Refused) -> None:
    (here / "own.txt").write_bytes((here / "own.txt").read_bytes().replace(b"\n", b"\r\n"))
    assert command(*OWN, "--newlines", "keep").code == 0
    config, metrics = (json.loads((here / RUN / name).read_text()) for name in ("config.json", "metrics.json"))
    del config["data"]["newlines"]
    (here / RUN / "config.json").write_text(json.dumps(config))
    metrics["files"]["config.json"] = sha256_file(here / RUN / "config.json")
    (here / RUN / "metrics.json").write_text(json.dumps(metrics))
    score = json.loads(command("test", RUN, "--json").out)
    assert score["nll"] == pytest.approx(metrics["nll"], abs=1e-6)
    stop_short(here / RUN)
    noted = json.loads((here / RUN / "run.json").read_text())
    (here / RUN / "run.json").write_text(
        json.dumps(noted | {"settings": {k: v for k, v in noted["settings"].items() if "newlines" not in k}})
    )
    recipe = (here / RUN / "recipe.yaml").read_text()
    assert "  newlines: keep\n" in recipe
    (here / RUN / "recipe.yaml").write_text(recipe.replace("  newlines: keep\n", ""))
    line = refused("train", "char-lstm.own-text", "--resume")
    assert (
        line == rf"{RUN}: this run began with the line ends of its text as they are (\r\n): go on with --newlines keep"
    )
    assert command("train", "char-lstm.own-text", "--resume", "--newlines", "keep").code == 0


def test_vectors_models_and_shards_are_known_by_their_content(run: Path, here: Path) -> None:
    Path("vectors.txt").write_text("a 1 2\n")
    build_shards("made", files=["own.txt"])
    names = {"init_from": RUN, "embedding.source": "vectors.txt", "data.shards": "made"}
    hashes = take_hashes(names | {"src_embedding.source": None, "seed": 1})
    assert set(hashes) == set(names)
    for key, name in names.items():
        other = Path("elsewhere") / name
        other.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(name, other) if Path(name).is_dir() else shutil.copy(name, other)
        for now in (f"./{name}", os.path.abspath(name), str(other)):
            assert same_content(key, name, now, hashes), (key, now)
        assert same_content(key, name, f"./{name}", {})  # a run of before has no hashes
        assert not same_content(key, name, str(other), {})
        changed = {"init_from": "model.safetensors", "data.shards": "index.json"}.get(key)
        (other / changed if changed else other).write_bytes(b"b 1 2\n")
        assert not same_content(key, name, str(other), hashes), key
    assert not same_content("optimizer.lr", 0.1, 0.2, hashes)


def test_the_files_of_a_text_in_their_order(here: Path) -> None:
    for name in ("b.tsv", "s1.txt", "s2.txt"):
        Path(name).write_text("a\tb\n")
    found = [str(here / name) for name in ("s1.txt", "s2.txt")]
    assert own_text(StreamData(files=["s*.txt"]).config) == found
    assert own_text(StreamData(files=["s1.txt", "-"]).config) == []
    assert own_text(StreamData(corpus="pydocs").config) == []
    pairs = PairData(tsv="b.tsv", valid_files=["s1.txt"], test_files=["s2.txt"]).config
    assert own_text(pairs) == [str(here / "b.tsv"), *found]
