"""Texts as shards of tokens: the same tokens as in memory, what an interruption leaves, and what is refused."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_lm
from hypothesis import given
from hypothesis import strategies as st

from rnnzoo.data import ShardIndex, TokenShards, build_shards, load_corpus, load_shards, shard_build, text_source
from rnnzoo.data.shards import Shard
from rnnzoo.data.text_source import FileSource, HubSource, blocks
from rnnzoo.errors import UserError
from rnnzoo.text import BPETokenizer, TokenizerConfig, WordTokenizer
from rnnzoo.training import StreamData

ODD = "Cafe\u0301 naïve\u00a0x, don't  stop.\n\n \tIt's 42; 日本語 \U0001f600\r\nend <unk> \x1c a\u2028b  \n"
TOKENIZERS: dict[str, Any] = {
    "char": "char",
    "nfc": {"name": "char", "nfc": True},
    "rare": {"name": "char", "min_count": 40},
    "byte": "byte",
    "lines": "word",
    "raw": {"name": "word", "style": "raw", "max_size": 30},
    "bpe": {"name": "bpe", "vocab_size": 300},
}


def sentences(count: int, seed: int = 0) -> str:
    """Words of a small vocabulary and, now and then, everything that is odd about text."""
    draw = random.Random(seed)
    words = ["".join(draw.choices("abcdeé", k=draw.randint(1, 5))) for _ in range(60)]
    parts = []
    for _ in range(count):
        parts.append(ODD if draw.random() < 0.1 else " ".join(draw.choices(words, k=draw.randint(1, 9))) + "\n")
    return "".join(parts)


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of some kB come in many pieces, and have many blocks and shards."""
    monkeypatch.setattr(text_source, "_READ", 97)
    monkeypatch.setattr(shard_build, "BLOCK", 50)


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    paths = [tmp_path / "a.txt", tmp_path / "b.txt"]
    paths[0].write_text("\ufeff" + sentences(150).rstrip("\n"), encoding="utf-8", newline="")  # no newline at its end
    paths[1].write_text(sentences(60, seed=1), encoding="utf-8", newline="")
    return [str(path) for path in paths]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


# ------------------------------------------------------------------------------------------- the tokens


@pytest.mark.parametrize("how", TOKENIZERS)
def test_the_tokens_are_those_of_the_text_in_memory(tmp_path: Path, files: list[str], how: str) -> None:
    """Tokenizer, ids, splits and the chunks of training are the same, whatever becomes a token."""
    index = build_shards(tmp_path / "s", files=files, tokenizer=TOKENIZERS[how], test_part=True, shard_characters=700)
    assert len(index.train) > 5
    fields: dict[str, Any] = {"test_part": True, "tokenizer": TOKENIZERS[how], "streams": 6, "chunk_len": 17}
    memory = StreamData({"files": files, **fields})
    shards = StreamData(shards=str(tmp_path / "s"), streams=6, chunk_len=17)
    assert shards.tokenizer == memory.tokenizer
    assert shards.corpus.sha256 == memory.corpus.sha256
    assert (shards.corpus.name, shards.corpus.split_rule) == (memory.corpus.name, memory.corpus.split_rule)
    assert list(shards.corpus.splits) == ["train", "valid", "test"]
    for split in memory.corpus.splits:
        assert np.array_equal(shards.ids(split), memory.ids(split)), split
        assert shards.ids(split).dtype == memory.ids(split).dtype
        for one, other in zip(shards.loader(split), memory.loader(split), strict=True):
            assert one.tokens.equal(other.tokens)
            assert one.targets.equal(other.targets)
            assert one.reset.equal(other.reset)
            assert one[3:] == other[3:]
    assert shards.form() == memory.form()
    characters = sum(shard.characters for part in index.splits.values() for shard in part)
    assert characters == sum(map(len, memory.corpus.splits.values()))  # type: ignore[arg-type]


class Rank:
    def __init__(self, rank: int, ranks: int) -> None:
        self.global_rank, self.world_size, self.limit_train_batches, self.current_epoch = rank, ranks, 1.0, 0


def test_ranks_share_the_streams_of_shards(tmp_path: Path, files: list[str]) -> None:
    build_shards(tmp_path / "s", files=files, shard_characters=700)
    data = [StreamData(files=files, streams=6), StreamData(shards=str(tmp_path / "s"), streams=6)]
    for rank in range(3):
        for one in data:
            one.trainer = Rank(rank, 3)  # type: ignore[assignment]
        for a, b in zip(*(one.train_dataloader() for one in data), strict=True):
            assert a.tokens.equal(b.tokens)
            assert a.targets.equal(b.targets)
            assert a.tokens.size(0) == 2


def test_a_given_tokenizer(tmp_path: Path, files: list[str]) -> None:
    tokenizer = TokenizerConfig.from_dict("byte").build([])
    index = build_shards(tmp_path / "s", files=files, tokenizer=tokenizer)
    assert index.tokenizer_config is None
    assert np.array_equal(load_shards(tmp_path / "s").splits["valid"], tokenizer.encode(text(files, "valid")))
    few = TokenizerConfig.from_dict("char").build(["abc"])
    with pytest.raises(UserError, match=r"a\.txt and 1 more: the vocabulary has no "):
        build_shards(tmp_path / "t", files=files, tokenizer=few)


def text(files: list[str], split: str) -> str:
    found = load_corpus(files=files).splits[split]
    assert isinstance(found, str)
    return found


@given(st.lists(st.text(st.sampled_from("ab \n\t\u00a0\u0301é'."), max_size=30), max_size=8), st.integers(1, 20))
def test_blocks_have_the_tokens_of_the_whole(pieces: list[str], size: int) -> None:
    whole = "".join(pieces)
    cut = list(blocks(iter(pieces), size, anywhere=False))
    assert "".join(cut) == whole
    assert cut == list(blocks(iter([whole]), size, anywhere=False))  # not a matter of the pieces
    assert cut == list(blocks(iter(whole), size, anywhere=False))
    known = "ab \n\t\u00a0\u0301éá'.b\u0301" + whole
    for tokenizer in (
        TokenizerConfig.from_dict({"name": "char", "nfc": True}).build([known]),
        WordTokenizer.train([known, "a b"], "lines"),
        WordTokenizer.train([known, "a b"], "raw"),
        BPETokenizer([("a", "b"), ("Ġ", "a"), ("Ġ", "Ġ"), ("Ċ", "Ċ"), ("ĠĠ", "a")]),
    ):
        ids = [tokenizer.encode(block) for block in cut]
        assert np.array_equal(np.concatenate([np.empty(0, tokenizer.encode("").dtype), *ids]), tokenizer.encode(whole))
    exact = list(blocks(iter(pieces), size, anywhere=True))
    assert "".join(exact) == whole
    assert all(len(block) == size for block in exact[:-1])


def test_a_text_that_cannot_be_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_source, "_LONGEST", 1000)
    path = tmp_path / "a.txt"
    path.write_text("x" * 5000)
    with pytest.raises(UserError, match="no space and no line end in 1,000 characters"):
        build_shards(tmp_path / "s", files=[path], tokenizer="word")
    index = build_shards(tmp_path / "b", files=[path], tokenizer="byte")
    assert index.train[0].tokens == 4500


# -------------------------------------------------------------------------------------------- as an array


@pytest.fixture
def shards(tmp_path: Path) -> tuple[TokenShards, np.ndarray[Any, Any]]:
    path = tmp_path / "a.txt"
    path.write_text(sentences(80), encoding="utf-8", newline="")
    build_shards(tmp_path / "s", files=[path], tokenizer="byte", shard_characters=100)
    found = load_shards(tmp_path / "s").splits["train"]
    assert isinstance(found, TokenShards)
    assert len(found.shards) > 10
    return found, np.frombuffer(text([str(path)], "train").encode(), np.uint8)


def test_reads_as_an_array_does(shards: tuple[TokenShards, np.ndarray[Any, Any]]) -> None:
    found, whole = shards
    n = len(whole)
    assert len(found) == n
    assert (found.shape, found.ndim, found.dtype) == (whole.shape, 1, whole.dtype)
    random = np.random.default_rng(0)
    starts = random.integers(0, n - 40, 9)
    places = (
        *(slice(None), slice(3, 3), slice(90, 420), slice(-7, None), slice(0, n, 7), slice(n, 5), slice(10, n + 9)),
        *(0, n - 1, -1, np.int64(5), [3, 400, 5], random.integers(0, n, (4, 50)), starts[:, None] + np.arange(40)),
        *(np.full((2, 3), n - 1), np.arange(-5, 0), np.empty((2, 0), int), np.empty(0, int), starts[:, None, None]),
    )
    for place in places:
        assert np.array_equal(found[place], whole[place]), place
    for outside in (n, -n - 1, [0, n]):
        with pytest.raises(IndexError):
            found[outside]
    assert np.array_equal(np.asarray(found), whole)


def test_what_is_open_at_a_time_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rnnzoo.data import shards as module

    monkeypatch.setattr(module, "_OPEN", 3)
    path = tmp_path / "a.txt"
    path.write_text(sentences(80), encoding="utf-8", newline="")
    build_shards(tmp_path / "s", files=[path], tokenizer="byte", shard_characters=100)
    found = load_shards(tmp_path / "s").splits["train"]
    assert isinstance(found, TokenShards)
    assert found[:].tobytes() == text([str(path)], "train").encode()
    assert found._map.cache_info().currsize == 3


# -------------------------------------------------------------------------------------------- going on


@pytest.mark.parametrize("how", ["char", "bpe"])
def test_killed_at_any_shard_it_becomes_the_same(
    tmp_path: Path, files: list[str], how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After every shard the process ends; each call takes one step further, and nothing is encoded twice."""

    class Killed(BaseException):
        pass

    options: dict[str, Any] = {"files": files, "tokenizer": TOKENIZERS[how], "shard_characters": 1500}
    whole = build_shards(tmp_path / "whole", **options)
    written: list[str] = []
    real = shard_build._Builder._shard

    def one(self: Any, name: str, *rest: Any) -> Shard:
        if written and written[-1] != "":
            written.append("")
            raise Killed
        written.append(name)
        return real(self, name, *rest)

    monkeypatch.setattr(shard_build._Builder, "_shard", one)
    for _ in range(50):
        try:
            assert build_shards(tmp_path / "broken", **options) == whole
            break
        except Killed:
            with pytest.raises(UserError, match="run the same `rnnzoo data build` again, it goes on"):
                load_shards(tmp_path / "broken")
    names = [shard.file for part in whole.splits.values() for shard in part]
    assert [name for name in written if name] == names
    assert contents(tmp_path / "broken") == contents(tmp_path / "whole")


@pytest.mark.slow
def test_killed_by_a_signal_in_the_middle_of_a_shard(tmp_path: Path) -> None:
    """kill -9 of a real process, wherever it is just then; what it leaves half-written does no harm."""
    path = tmp_path / "a.txt"
    path.write_text(sentences(4000), encoding="utf-8", newline="")
    code = (
        "import sys\nfrom rnnzoo.data import shard_build\nshard_build.BLOCK = 200\n"
        "shard_build.build_shards(sys.argv[1], files=[sys.argv[2]], tokenizer='word', shard_characters=9000)\n"
    )
    command = [sys.executable, "-c", code]
    folder = tmp_path / "killed"
    kills = 0
    for count in (0, 2, 5):  # shards that are there when it is killed
        with subprocess.Popen([*command, str(folder), str(path)], env=small_lm.environment()) as process:
            while process.poll() is None and len(list(folder.glob("*.bin"))) <= count:
                time.sleep(0.001)
            process.send_signal(signal.SIGKILL)
        kills += process.returncode == -signal.SIGKILL
    assert kills, "the test does not try what it says"
    subprocess.run([*command, str(folder), str(path)], env=small_lm.environment(), check=True)
    subprocess.run([*command, str(tmp_path / "straight"), str(path)], env=small_lm.environment(), check=True)
    assert contents(folder) == contents(tmp_path / "straight")


def test_built_already(tmp_path: Path, files: list[str]) -> None:
    """Nothing is touched; a shard that is missing, and those behind it, are made again."""
    options: dict[str, Any] = {"files": files, "tokenizer": "word", "shard_characters": 1500}
    index = build_shards(tmp_path / "s", **options)
    before, times = contents(tmp_path / "s"), {path: path.stat().st_mtime_ns for path in (tmp_path / "s").iterdir()}
    assert build_shards(tmp_path / "s", **options) == index
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "s").iterdir()} == times
    for name in ("train-00001.bin", "valid-00000.bin", "tokenizer.json"):
        (tmp_path / "s" / name).unlink()
        assert build_shards(tmp_path / "s", **options) == index
        assert contents(tmp_path / "s") == before


def test_a_touched_file_is_the_same_text(tmp_path: Path, files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    options: dict[str, Any] = {"files": files, "shard_characters": 1500}
    broken_off(tmp_path / "s", monkeypatch, **options)
    os.utime(files[0], (1, 1))
    assert build_shards(tmp_path / "s", **options) == build_shards(tmp_path / "t", **options)


def broken_off(folder: Path, monkeypatch: pytest.MonkeyPatch, **options: Any) -> None:
    """A folder with two shards."""
    real = shard_build._Builder._shard

    def two(self: Any, name: str, *rest: Any) -> Shard:
        if name == "train-00002.bin":
            raise KeyboardInterrupt
        return real(self, name, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(shard_build._Builder, "_shard", two)
        with pytest.raises(KeyboardInterrupt):
            build_shards(folder, **options)


# ----------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tokenizer": "byte"}, r'of another tokenizer \(\{"name": "char", "nfc": false, "min_count": 1\}\)'),
        ({"tokenizer": TokenizerConfig.from_dict("byte").build([])}, "of another tokenizer"),
        ({"shard_characters": 1600}, "are of 1,500 characters, not 1,600"),
        ({"test_part": True}, r"are split otherwise \(contiguous: the last 10% is validation\)"),
        ({"files": None}, r"are of another text \(a\.txt and 1 more, sha256 [0-9a-f]{12}\.\.\.\)"),
        ({"edit": True}, "or it has changed since: name another folder"),
    ],
    ids=["config", "given", "characters", "split", "files", "edited"],
)
def test_another_build_in_the_same_folder(
    tmp_path: Path,
    files: list[str],
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, Any],
    message: str,
    complete: bool,
) -> None:
    options: dict[str, Any] = {"files": files, "shard_characters": 1500}
    if complete:
        build_shards(tmp_path / "s", **options)
    else:
        broken_off(tmp_path / "s", monkeypatch, **options)
    before = contents(tmp_path / "s")
    if "edit" in changes:
        with Path(files[1]).open("r+") as file:
            file.write("#")
        changes = {}
    if "files" in changes:
        changes = {"files": files[:1]}
    with pytest.raises(UserError, match=message) as caught:
        build_shards(tmp_path / "s", **options | changes)
    assert str(tmp_path / "s") in str(caught.value)
    assert contents(tmp_path / "s") == before


def test_a_text_that_changes_while_it_is_read(
    tmp_path: Path, files: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def edit(stage: str, done: int, total: int | None) -> None:
        if stage == "writing shards":
            with Path(files[1]).open("a") as file:
                file.write("more")

    with pytest.raises(UserError, match=r"a\.txt and 1 more: the text has changed while it was read"):
        build_shards(tmp_path / "s", files=files, report=edit)
    with pytest.raises(UserError, match="holds no complete corpus of shards"):
        load_shards(tmp_path / "s")


def test_a_folder_of_something_else(tmp_path: Path, files: list[str]) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="s: holds something else, and no shards: name another folder"):
        build_shards(tmp_path / "s", files=files)
    with pytest.raises(UserError, match=r"notes\.txt: is a file; name a folder"):
        build_shards(tmp_path / "s" / "notes.txt", files=files)
    assert contents(tmp_path / "s") == {"notes.txt": b"mine"}
    (tmp_path / "s" / "building.jsonl").write_text('{"a": 1}\n')
    with pytest.raises(UserError, match=r"building\.jsonl: is not the journal of a build"):
        build_shards(tmp_path / "s", files=files)
    for name in ("empty", "new/below"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        build_shards(tmp_path / name, files=files)
        assert (tmp_path / name / "index.json").is_file()


DAMAGE = {
    "flipped": (lambda data: data[:7] + bytes([data[7] ^ 1]) + data[8:], r"is damaged \(its sha256 is not "),
    "truncated": (lambda data: data[:-1], r"is damaged \(has [\d,]+ bytes instead of "),
    "longer": (lambda data: data + b"a", r"is damaged \(has [\d,]+ bytes instead of "),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_shard_is_named(tmp_path: Path, files: list[str], how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    options: dict[str, Any] = {"files": files, "shard_characters": 1500}
    spoil, message = DAMAGE[how]
    for folder, complete in ((tmp_path / "s", True), (tmp_path / "t", False)):
        if complete:
            build_shards(folder, **options)
        else:
            broken_off(folder, monkeypatch, **options)
        shard = folder / "train-00001.bin"
        shard.write_bytes(spoil(shard.read_bytes()))
        with pytest.raises(UserError, match=rf"train-00001\.bin: {message}.*: remove it and run the same"):
            build_shards(folder, **options)
        if complete:
            with pytest.raises(UserError, match=rf"train-00001\.bin: {message}"):
                list(StreamData(shards=str(folder), streams=3).train_dataloader())
        shard.unlink()
        if complete:
            with pytest.raises(UserError, match=r"train-00001\.bin: this shard is missing"):
                load_shards(folder)
        build_shards(folder, **options)
    assert contents(tmp_path / "s") == contents(tmp_path / "t")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda index: index.pop("sha256"), "sha256: is missing"),
        (lambda index: index.update(more=1), "more: unknown field"),
        (lambda index: index.update(format="rnnzoo shards 9"), "is not one that this version reads"),
        (lambda index: index["train"][0].update(file="../a.bin"), "is not a name in this folder"),
        (lambda index: index["train"][0].update(tokens=-1), "0 <= tokens"),
        (lambda index: index["train"][0].update(tokens="many"), "expected int"),
    ],
)
def test_an_index_that_we_did_not_write(tmp_path: Path, files: list[str], edit: Any, message: str) -> None:
    build_shards(tmp_path / "s", files=files)
    index = json.loads((tmp_path / "s" / "index.json").read_text())
    assert ShardIndex.from_dict(index).to_dict() == index
    edit(index)
    (tmp_path / "s" / "index.json").write_text(json.dumps(index))
    with pytest.raises(UserError, match=rf"index\.json: is no index of shards: .*{message}"):
        load_shards(tmp_path / "s")


def test_another_tokenizer_than_the_models(tmp_path: Path, files: list[str]) -> None:
    build_shards(tmp_path / "s", files=files)
    (tmp_path / "s" / "tokenizer.json").write_text("{}")
    with pytest.raises(UserError, match=r"tokenizer\.json: is damaged"):
        load_shards(tmp_path / "s")
    shutil.rmtree(tmp_path / "s")
    build_shards(tmp_path / "s", files=files)
    other = TokenizerConfig.from_dict("char").build(["abc"])
    data = StreamData(shards=str(tmp_path / "s"), tokenizer=other)
    with pytest.raises(UserError, match="made with another tokenizer than the model's"):
        data.setup("fit")
    same = load_shards(tmp_path / "s").tokenizer
    assert same is not None
    StreamData(shards=str(tmp_path / "s"), tokenizer=same, streams=2, chunk_len=9).setup("fit")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"x\.txt: no such file"),
        (b"", r"x\.txt: is empty"),
        (b"\xef\xbb\xbf", r"x\.txt: is empty"),
        (b"a", r"x\.txt: 1 character is too few to cut into train, valid"),
        (b"a" * 96 + b"\xc3\xa9" + b"a" * 94 + b"\xe9 b", r"x\.txt, byte 192: is not UTF-8"),  # across pieces of 97
        (b"abc\xc3", r"x\.txt, byte 3: is not UTF-8"),
    ],
)
def test_files_that_will_not_do(tmp_path: Path, content: bytes | None, message: str) -> None:
    """The messages are those of the text in memory; nothing is made."""
    path = tmp_path / "x.txt"
    if content is not None:
        path.write_bytes(content)
    for call in (lambda: build_shards(tmp_path / "s", files=[path]), lambda: load_corpus(files=[path])):
        with pytest.raises(UserError, match=message):
            call()
    assert not (tmp_path / "s").exists()


def test_patterns(tmp_path: Path, files: list[str]) -> None:
    (tmp_path / "c[1].txt").write_text("literally c[1].txt\n" * 9)
    one = build_shards(tmp_path / "one", files=[tmp_path / "[ab].txt"])
    assert one == build_shards(tmp_path / "two", files=files)
    assert FileSource([tmp_path / "c[1].txt"]).name == build_shards(tmp_path / "c", files=[tmp_path / "c[1].txt"]).text
    with pytest.raises(UserError, match=r"\*\.md: fits no file"):
        build_shards(tmp_path / "three", files=[tmp_path / "*.md"])
    with pytest.raises(UserError, match="one of: files, a hub dataset"):
        build_shards(tmp_path / "three")


# ------------------------------------------------------------------------------------------- hub datasets


def rows(folder: Path, **splits: str) -> str:
    """A dataset of parquet files, one row a line."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir()
    for split, content in splits.items():
        lines = content.split("\n")[:-1]
        pq.write_table(pa.table({"text": lines, "n": list(range(len(lines)))}), folder / f"{split}-0.parquet")
    return str(folder)


@pytest.mark.parametrize("parts", [("train",), ("train", "test"), ("train", "validation", "test")], ids=len)
def test_a_streamed_dataset_is_the_loaded_one(tmp_path: Path, parts: tuple[str, ...]) -> None:
    texts = {part: sentences(70, seed).replace("\r\n", "\n") for seed, part in enumerate(parts)}
    hub = rows(tmp_path / "set", **texts)
    index = build_shards(tmp_path / "s", hub=hub, tokenizer="word", test_part=True, shard_characters=900)
    memory = StreamData({"hub": hub, "tokenizer": "word", "test_part": True})
    shards = StreamData(shards=str(tmp_path / "s"))
    assert list(index.splits) == list(shards.corpus.splits)
    assert set(index.splits) == set(memory.corpus.splits)
    assert (index.text, index.sha256, index.split_rule) == (hub, memory.corpus.sha256, memory.corpus.split_rule)
    assert shards.tokenizer == memory.tokenizer
    for split in index.splits:
        assert np.array_equal(shards.ids(split), memory.ids(split))


def test_a_streamed_dataset_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = rows(tmp_path / "set", train=sentences(90).replace("\r\n", "\n"))
    options: dict[str, Any] = {"hub": hub, "tokenizer": "byte", "shard_characters": 900}
    broken_off(tmp_path / "s", monkeypatch, **options)
    surveys = 0

    def counted(self: HubSource, tick: Any = None) -> Any:
        nonlocal surveys
        surveys += 1
        return text_source.TextSource.survey(self, tick)

    monkeypatch.setattr(HubSource, "survey", counted)
    build_shards(tmp_path / "s", **options)
    assert surveys == 0  # the files are those of before, so nothing is streamed to find that out
    build_shards(tmp_path / "t", **options)
    assert contents(tmp_path / "s") == contents(tmp_path / "t")


def test_datasets_that_will_not_do(tmp_path: Path) -> None:
    hub = rows(tmp_path / "set", train="a\nb\n" * 9)
    for column, message in {
        "texts": r"has no column 'texts' .did you mean 'text'",
        "n": "a row is int, not text",
    }.items():
        with pytest.raises(UserError, match=message):
            build_shards(tmp_path / "s", hub=hub, text_column=column)
    blank = rows(tmp_path / "blank", train="\n\n\n")
    with pytest.raises(UserError, match="the text of split 'train' is empty"):
        build_shards(tmp_path / "s", hub=blank)
    with pytest.raises(UserError, match="no split 'train'"):
        build_shards(tmp_path / "s", hub=rows(tmp_path / "test", test="a\n"))
    (tmp_path / "set" / "train-0.parquet").write_bytes(b"PAR1 is not one")
    with pytest.raises(UserError, match=r"^hub dataset '.*set' cannot be loaded: \S"):
        build_shards(tmp_path / "s", hub=hub)
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("part", ["train", "valid"])
def test_tokens_beyond_the_vocabulary(tmp_path: Path, files: list[str], part: str) -> None:
    """Hashes that fit are no proof of sense: an index can be written by anybody. Those of validation are read first."""
    index = build_shards(tmp_path / "s", files=files, shard_characters=1500)
    shard = tmp_path / "s" / index.splits[part][0].file
    data = bytearray(shard.read_bytes())
    data[7] = 255
    shard.write_bytes(bytes(data))
    changed = json.loads((tmp_path / "s" / "index.json").read_text())
    changed[part][0]["sha256"] = hashlib.sha256(data).hexdigest()
    (tmp_path / "s" / "index.json").write_text(json.dumps(changed))
    read = StreamData(shards=str(tmp_path / "s"), streams=3)
    with pytest.raises(UserError, match=rf"{part}-00000\.bin: is damaged \(has token 255, of a vocabulary of"):
        read.setup("fit") if part == "valid" else list(read.train_dataloader())
