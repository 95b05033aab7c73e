"""Datasets of a hub, over HTTP: loaded, streamed into shards, trained on."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hub_folders import contents, lines, publish, sentences, texts, write
from hub_server import Hub
from hub_server.client import Client, variables

from rnnzoo.data import build_shards, load_corpus, load_pairs, load_shards
from rnnzoo.data.hub import load_hub_pairs, load_hub_texts
from rnnzoo.training import StreamData
from rnnzoo.zoo import read_metrics

CONFIGS = """---
license: mit
configs:
- config_name: small
  data_files:
  - split: train
    path: small/a.txt
- config_name: large
  data_files:
  - split: train
    path: [large/a.jsonl, large/b.jsonl]
  - split: validation
    path: large/c.jsonl
---
# Two of them
"""

KINDS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "text": (
        "",
        "text",
        {"train.txt": sentences(300), "validation.txt": sentences(50, 1), "test.txt": sentences(40, 2)},
    ),
    "many": ("", "text", {f"train/part-{n:02}.txt": sentences(20, n) for n in range(24)}),
    "gzip": ("", "text", {"train.txt.gz": gzip.compress(sentences(300).encode(), mtime=0)}),
    "jsonl": (
        "",
        "content",
        {
            "data/train-00000-of-00002.jsonl": lines(0, column="content"),
            "data/train-00001-of-00002.jsonl": lines(1, column="content"),
            "data/test-00000-of-00001.jsonl": lines(2, column="content"),
        },
    ),
    "parquet": ("", "text", {"train-0.parquet": lines(0, 1), "train-1.parquet": lines(2), "dev.parquet": lines(3)}),
    "small": (":small", "text", {"README.md": CONFIGS, "small/a.txt": sentences(300), "large/a.jsonl": lines(0)}),
    "large": (
        ":large",
        "text",
        {"README.md": CONFIGS, "small/a.txt": "x\n", **{f"large/{part}.jsonl": lines(ord(part)) for part in "abc"}},
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_texts(hub: Hub, client: Client, local: Path, away: Path, kind: str) -> None:
    """Loaded as a whole, or streamed into shards to the byte: what comes over the network is what a folder gives."""
    config, column, files = KINDS[kind]
    name = f"org/{kind}{config}"
    write(local / f"org/{kind}", files)
    publish(hub, local / f"org/{kind}", f"org/{kind}")
    hub.page = 5
    whole = load_hub_texts(name, column)
    assert texts(client, away, name, column=column) == {name: whole}
    build_shards("made", hub=name, text_column=column, tokenizer="word", test_part=True, shard_characters=3000)
    options = ["--text-column", column, "--tokenizer", "word", "--test-part", "--shard-characters", "3000"]
    said = client.command("data", "build", "made", "--hub", name, *options, at=away)
    assert (said.code, said.err) == (0, "")
    assert contents(away / "made") == contents(local / "made")
    assert any(f"/datasets/org/{kind}/resolve/" in path for path in hub.requests("GET"))
    corpus = load_shards(away / "made")
    assert corpus.tokenizer is not None
    assert corpus.sha256 == load_corpus(hub=name, text_column=column, test_part=True).sha256


def test_large_files_lie_elsewhere(hub: Hub, client: Client, local: Path, away: Path) -> None:
    """Parquet is read in ranges, from the storage, which gets no token; a private dataset with one."""
    write(local / "org/table", {"train.parquet": lines(0)})
    publish(hub, local / "org/table", "org/table").private = True
    said = client.command("data", "build", "made", "--hub", "org/table", at=away, HF_TOKEN="hf_writer")
    assert (said.code, said.err) == (0, "")
    assert {range_ is not None and range_.startswith("bytes=") for _, _, range_ in hub.cdn_log} == {True}
    build_shards("made", hub="org/table")
    assert contents(away / "made") == contents(local / "made")
    memory, shards = StreamData({"hub": "org/table"}), StreamData(shards=str(away / "made"))
    for split in ("train", "valid"):
        assert np.array_equal(shards.ids(split), memory.ids(split))


PAIRS = [{"en": "one\ntwo", "fr": "un deux"}, {"en": "", "fr": "é"}, {"en": "three", "fr": "trois"}]


@pytest.mark.parametrize("kind", ["translation", "columns"])
def test_pairs(hub: Hub, client: Client, local: Path, away: Path, kind: str) -> None:
    files: dict[str, Any] = {"train.jsonl": {side: [pair[side] for pair in PAIRS] for side in ("en", "fr")}}
    if kind == "translation":
        files = {"train.parquet": {"translation": PAIRS}, "test.parquet": {"translation": PAIRS[1:]}}
    write(local / f"org/{kind}", files)
    publish(hub, local / f"org/{kind}", f"org/{kind}")
    code = f"from rnnzoo.data.hub import load_hub_pairs\nresult = load_hub_pairs('org/{kind}', ('fr', 'en'))"
    found = {role: tuple(sides) for role, sides in client.python(code, away).items()}
    assert found == load_hub_pairs(f"org/{kind}", ("fr", "en"))
    assert found["train"] == (["un deux", "é", "trois"], ["one two", "", "three"])


def test_a_corpus_of_the_catalogue_that_is_on_the_hub_only(hub: Hub, client: Client, tmp_path: Path) -> None:
    splits = ("train", "validation", "test")
    files: dict[str, Any] = {f"fr-en/{split}-0.parquet": {"translation": PAIRS} for split in splits}

    def card(*splits: str) -> bytes:
        parts = [{"split": split, "path": f"fr-en/{split}-*"} for split in splits]
        return f"---\nconfigs: {json.dumps([{'config_name': 'fr-en', 'data_files': parts}])}\n---\n".encode()

    write(tmp_path / "wmt14", {"README.md": card("train", "validation"), **files})
    repo = publish(hub, tmp_path / "wmt14", "wmt/wmt14")
    said = client.command("data", "get", "wmt14", at=tmp_path, RNNZOO_DATA=str(tmp_path / "data"))
    assert said.code == 2
    assert said.err.endswith("hub dataset 'wmt/wmt14:fr-en' is without what would be test.en, test.fr\n")
    repo.commit({**repo.commits[repo.tags["v1"]], "README.md": card(*splits)})
    assert client.command("data", "get", "wmt14", at=tmp_path, RNNZOO_DATA=str(tmp_path / "data")).code == 0
    text = {"en": "one two\n\nthree\n", "fr": "un deux\né\ntrois\n"}
    for part in ("train", "valid", "test"):
        for side in text:
            assert (tmp_path / f"data/wmt14/{part}.{side}").read_text(encoding="utf-8") == text[side]


# ------------------------------------------------------------------------------------------- from end to end

SMALL = ("--hidden_size", "5", "--embedding_dim", "4", "--epochs", "1")
RECIPES = {
    "char-lstm.own-text": (*SMALL, "--num_layers", "1", "--streams", "3", "--chunk_len", "15"),
    "mt-gru.own-pairs": (*SMALL, "--src", "en", "--tgt", "fr"),
}


@pytest.mark.parametrize("recipe", ["char-lstm.own-text", pytest.param("mt-gru.own-pairs", marks=pytest.mark.slow)])
def test_training(hub: Hub, client: Client, local: Path, away: Path, recipe: str) -> None:
    """A process of its own, which nothing but HF_ENDPOINT tells where the hub is; then another measures the score."""
    files: dict[str, Any] = {"train.txt": sentences(150)}
    if recipe == "mt-gru.own-pairs":
        rows = [line for line in lines(0, 1)["text"] if line]
        files = {"train.jsonl": {"en": rows, "fr": [" ".join(reversed(row.split())) for row in rows]}}
    write(local / "org/verse", files)
    publish(hub, local / "org/verse", "org/verse")
    words = ["train", recipe, "--hub", "org/verse", *RECIPES[recipe]]
    command, env = [sys.executable, "-m", "rnnzoo", *words], variables(hub.url, client.home)
    done = subprocess.run(command, cwd=away, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "examples/s" not in done.stderr  # progress bars are for people
    run = away / "runs" / recipe / "1"
    metrics = read_metrics(run)
    pairs = recipe.startswith("mt-")
    corpus = load_pairs(hub="org/verse", src="en", tgt="fr") if pairs else load_corpus(hub="org/verse")
    assert metrics["corpus"]["sha256"] == corpus.sha256
    assert json.loads((run / "config.json").read_text())["data"]["hub"] == "org/verse"
    said = client.command("test", str(run), "--json", at=away)
    assert said.code == 0, said.err
    assert json.loads(said.out)["nll"] == pytest.approx(metrics["nll"], rel=1e-6)


LAUNCHER = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_dataset(hub: Hub, away: Path) -> None:
    """60 MB of text take at most 20 MB more than 10 MB do; held in memory, the 50 MB between them would take 50."""
    block = sentences(1000).replace("\n", " ").encode() + b"\n"
    file, peaks = block * (2_000_000 // len(block)), {}
    for files in (5, 30):
        hub.add(f"datasets/org/mb-{files}", {f"train-{n:02}.txt": b"%d %s" % (n, file) for n in range(files)})
        words = ["data", "build", f"made-{files}", "--hub", f"org/mb-{files}"]
        command = [sys.executable, "-c", LAUNCHER, sys.executable, "-m", "rnnzoo", *words]
        env = variables(hub.url, away / "home")
        said = subprocess.run(command, cwd=away, env=env, stdout=subprocess.PIPE, text=True, check=True).stdout
        code, peak = map(int, said.split())
        assert code == 0
        peaks[files] = peak * (1 if sys.platform == "darwin" else 1024)
        assert load_shards(away / f"made-{files}").sha256
    assert len(file) > 1.9e6
    assert peaks[30] - peaks[5] < 20e6, peaks
