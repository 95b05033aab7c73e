from __future__ import annotations

import multiprocessing
import os
import random
from pathlib import Path

import numpy as np
import pytest

from rnnzoo.data.cache import cache_file, encoded
from rnnzoo.errors import UserError
from rnnzoo.text import ByteTokenizer, CharTokenizer
from rnnzoo.text.base import Ids

TEXT = "the quick brown fox jumps over the lazy dog; Ελλάς 😀\n" * 2000
TOKENIZER = CharTokenizer.train([TEXT])


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RNNZOO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "tokens"


def same(ids: Ids, expected: Ids = TOKENIZER.encode(TEXT)) -> bool:  # noqa: B008
    return ids.dtype == expected.dtype and np.array_equal(ids, expected)


def test_ids_are_mapped_from_a_file_that_is_written_once(cache: Path) -> None:
    first = encoded(TEXT, TOKENIZER)
    path = cache_file(TEXT, TOKENIZER)
    assert path.parent == cache
    written = path.stat()
    second = encoded(TEXT, TOKENIZER)
    assert isinstance(first, np.memmap)
    assert isinstance(second, np.memmap)
    assert same(first)
    assert same(second)
    assert second.dtype == np.uint8
    assert not second.flags.writeable
    assert path.stat().st_mtime_ns == written.st_mtime_ns
    assert [p.name for p in cache.iterdir()] == [path.name]
    assert np.array_equal(np.load(path), first)  # a .npy like any other


def test_the_name_says_all_that_the_ids_depend_on() -> None:
    other = CharTokenizer(list(reversed(TOKENIZER.characters)))
    paths = [
        cache_file(TEXT, TOKENIZER),
        cache_file(TEXT + "a", TOKENIZER),
        cache_file(TEXT, other),
        cache_file(TEXT, CharTokenizer(TOKENIZER.characters, nfc=True)),
        cache_file(TEXT, ByteTokenizer()),
        cache_file(TEXT, TOKENIZER, unknown="drop"),
        cache_file(TEXT + "\udc80", TOKENIZER),
    ]
    assert len(set(paths)) == len(paths)
    assert cache_file(TEXT, CharTokenizer.train([TEXT])) == paths[0]


def test_short_texts_make_no_file(cache: Path) -> None:
    assert encoded("the fox", TOKENIZER).tolist() == TOKENIZER.encode("the fox").tolist()
    assert encoded("", TOKENIZER).tolist() == []
    assert not cache.exists()


def test_unknown_characters(cache: Path) -> None:
    with pytest.raises(UserError, match=r"no 'Ü'"):
        encoded(TEXT + "Ü", TOKENIZER)
    assert not cache.exists()
    assert same(encoded(TEXT + "Ü\udc80", TOKENIZER, unknown="drop"))
    assert same(encoded(TEXT + "Ü\udc80", TOKENIZER, unknown="drop"))
    assert len(encoded("Ü" * 100_000, TOKENIZER, unknown="drop")) == 0
    assert len(encoded("Ü" * 100_000, TOKENIZER, unknown="drop")) == 0


def damages(whole: bytes) -> dict[str, bytes]:
    rng = random.Random(0)
    cases = {
        "empty": b"",
        "cut": whole[:-1],
        "cut in the header": whole[:50],
        "longer": whole + b"\0",
        "a page": b"<!DOCTYPE html>" * 100,
        "another npy": b"\x93NUMPY\x01\x00" + whole[8:],
        "huge shape": whole.replace(f"({len(TEXT)},)".encode(), b"(10**30,)"),
        "objects": whole.replace(b"'|u1'", b"'|O' "),
        "another type": whole.replace(b"'|u1'", b"'|i1'"),
    }
    for i in range(40):
        at = rng.randrange(0, 128) if i % 2 else rng.randrange(len(whole))
        cases[f"bit flipped at {at}"] = whole[:at] + bytes([whole[at] ^ (1 << rng.randrange(8))]) + whole[at + 1 :]
    return cases


def test_a_damaged_file_is_written_anew() -> None:
    encoded(TEXT, TOKENIZER)
    path = cache_file(TEXT, TOKENIZER)
    whole = path.read_bytes()
    for name, content in damages(whole).items():
        path.write_bytes(content)
        assert same(encoded(TEXT, TOKENIZER)), name
        assert path.read_bytes() == whole, name


def test_a_cache_that_cannot_be_written_is_done_without(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RNNZOO_CACHE", str(tmp_path / "file"))
    assert same(encoded(TEXT, TOKENIZER))
    monkeypatch.setenv("RNNZOO_CACHE", str(cache.parent))
    cache_file(TEXT, TOKENIZER).mkdir(parents=True)
    assert same(encoded(TEXT, TOKENIZER))


def _encode_and_compare(barrier: object, results: object) -> None:
    barrier.wait()  # type: ignore[attr-defined]
    results.put(same(encoded(TEXT, TOKENIZER)))  # type: ignore[attr-defined]


def test_processes_that_write_the_same_do_not_disturb_each_other(cache: Path) -> None:
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(3), context.Queue()
    processes = [context.Process(target=_encode_and_compare, args=(barrier, results)) for _ in range(3)]
    for process in processes:
        process.start()
    assert [results.get(timeout=120) for _ in processes] == [True] * 3
    for process in processes:
        process.join()
    assert [p.name for p in cache.iterdir()] == [cache_file(TEXT, TOKENIZER).name]
    assert os.access(next(cache.iterdir()), os.R_OK)
