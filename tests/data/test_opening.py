# ruff: noqa: RUF001 (texts in other alphabets)
"""What a name may lead to besides a text: pipes, devices, folders, packed files, other encodings, tables."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from rnnzoo import opening
from rnnzoo.data import build_shards, load_corpus, load_pairs
from rnnzoo.data.plain_text import TextForm, guess_encoding, read_text
from rnnzoo.data.tables import read_file
from rnnzoo.embeddings import load_vectors
from rnnzoo.errors import UserError
from rnnzoo.files import read_json, read_lines, sha256_file
from rnnzoo.text import load_tokenizer

TEXT = "It was the best of times,\nit was the worst of times.\n"

READERS: dict[str, Callable[[Path], object]] = {
    "a text to train on": lambda path: load_corpus(files=[path]),
    "pairs": lambda path: load_pairs(files=[path, path]),
    "a table": lambda path: load_pairs(tsv=path),
    "shards": lambda path: build_shards(path.parent / "shards", files=[path]),
    "a tokenizer": lambda path: load_tokenizer(path),
    "vectors": lambda path: load_vectors(path, ["a"]),
    "JSON": lambda path: read_json(path),
    "a hash": lambda path: sha256_file(path),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("what", ["pipe", "socket", "folder", "device", "link to a pipe"])
def test_what_is_no_regular_file_is_refused_at_once(what: str, reader: str, tmp_path: Path) -> None:
    path = tmp_path / "named"
    with contextlib.ExitStack() as stack:
        if what == "pipe":
            os.mkfifo(path)  # that nobody writes to
        elif what == "socket":
            server = stack.enter_context(contextlib.closing(socket.socket(socket.AF_UNIX)))
            with contextlib.chdir(tmp_path):
                server.bind("named")
        elif what == "folder":
            path.mkdir()
        elif what == "device":
            path = Path("/dev/zero")
        else:
            os.mkfifo(tmp_path / "pipe")
            path.symlink_to("pipe")
        if what == "device" and reader == "shards":
            READERS[reader] = lambda path: build_shards(tmp_path / "shards", files=[path])
        with pytest.raises(UserError, match=r"is not a regular file but a (pipe|socket|device)|is a folder"):
            READERS[reader](path)
    assert not (tmp_path / "shards").exists()


def test_a_file_that_says_it_is_empty_is(tmp_path: Path) -> None:
    """Those below /proc do, the memory of this process among them."""
    (tmp_path / "empty").touch()
    for path in (tmp_path / "empty", Path("/proc/self/mem")):
        if path.exists():
            with pytest.raises(UserError, match=rf"{path}: is empty"):
                read_text(path)
    assert read_lines(tmp_path / "none") == []


def test_a_name_that_no_result_could_repeat(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt")
    try:
        Path(path).write_text(TEXT)
    except OSError:
        pytest.skip("this file system has UTF-8 names only")
    with pytest.raises(UserError, match="the file's name is not UTF-8: rename it"):
        load_corpus(files=[path])
    with pytest.raises(UserError, match="is no name that a file can have"):
        load_corpus(files=["a\0b"])


def test_streams_that_are_named_on_purpose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(TEXT.encode())))
    assert read_text("-") == TEXT
    monkeypatch.setattr(opening, "MAX_STREAM", 20)
    for data, said in ((b"x" * 30, "has more than 20 bytes: write it to a file first"), (b"", "is empty")):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
        with pytest.raises(UserError, match=f"standard input: {said}"):
            read_text("-")
    with pytest.raises(UserError, match="standard input: is read several times"):
        build_shards("nowhere", files=["-"])


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/fd is Linux's here")
def test_the_open_pipe_of_a_process_substitution(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    try:
        writer = threading.Thread(target=lambda: (os.write(writing, TEXT.encode()), os.close(writing)))
        writer.start()
        assert read_text(f"/dev/fd/{reading}") == TEXT
        writer.join()
    finally:
        os.close(reading)
    reading, writing = os.pipe()
    monkeypatch.setattr(opening, "WAIT", 0.05)
    try:
        with pytest.raises(UserError, match="nothing came for 0 seconds"):
            read_text(f"/dev/fd/{reading}")
    finally:
        os.close(reading)
        os.close(writing)
    with open("/dev/zero", "rb") as zeros, pytest.raises(UserError, match="is a device that never ends"):
        read_text(f"/dev/fd/{zeros.fileno()}")


def test_gzip(tmp_path: Path) -> None:
    path = tmp_path / "a.txt.gz"
    whole = gzip.compress(TEXT.encode()) + gzip.compress(b"A second member.\r\n") + bytes(7)
    path.write_bytes(whole)
    assert read_text(path) == TEXT + "A second member.\n"
    assert build_shards(tmp_path / "s", files=[path]).sha256 == load_corpus(files=[path]).sha256
    bad = {
        whole[:30]: "the packed file is truncated",
        whole[:20] + b"\xff\xff\xff" + whole[23:]: "the packed file is damaged",
        gzip.compress(b"a" * (50 << 20)): r"is not read on: [\d,]+ bytes unpack to",
        b"PK\x03\x04rest": r"is packed \(zip\): unpack it first",
    }
    for content, said in bad.items():
        path.write_bytes(content)
        with pytest.raises(UserError, match=said):
            read_text(path)


# -------------------------------------------------------------------------------------------- encodings

FRENCH = "Le cœur a ses raisons que la raison ne connaît point ; on le sait en mille choses. Déjà, l’été…\n" * 4
LATIN = "Où sont les neiges d'antan ? L'été est passé, la forêt a perdu ses feuilles, et le château dort.\n" * 4
RUSSIAN = "Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему.\n" * 4
JAPANESE = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。\n" * 4
CHINESE = "道可道，非常道；名可名，非常名。无名，天地之始；有名，万物之母。\n" * 4

ENCODED = {
    "latin-1": LATIN,
    "cp1252": FRENCH,
    "cp1251": RUSSIAN,
    "koi8-r": RUSSIAN,
    "shift_jis": JAPANESE,
    "euc-jp": JAPANESE,
    "gbk": CHINESE,
    "utf-16-le": LATIN,
    "utf-16-be": CHINESE,
    "utf-32-le": LATIN,
}


@pytest.mark.parametrize("encoding", ENCODED)
def test_the_encoding_that_is_named_is_the_right_one(encoding: str, tmp_path: Path) -> None:
    path, text = tmp_path / "a.txt", ENCODED[encoding]
    path.write_bytes(text.encode(encoding))
    with pytest.raises(UserError, match=r"is not UTF-8.*say --encoding (\S+)$") as caught:
        read_text(path)
    named = str(caught.value).rpartition(" ")[2]
    assert read_text(path, TextForm(named)) == text
    assert read_text(path, TextForm(encoding)) == text


def test_no_encoding_is_named_for_what_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(bytes((i * i * 97 + i // 7) % 256 for i in range(4000)))
    with pytest.raises(UserError, match=r"is not UTF-8"):
        read_text(path)
    assert guess_encoding(LATIN.encode("latin-1")) == "cp1252"
    path.write_bytes(LATIN.encode("latin-1"))
    with pytest.raises(UserError, match=r"a\.bin, byte 1: is not ascii"):
        read_text(path, TextForm("ascii"))
    for name in ("latin-2000", "rot13", "punycode", "idna", "a\0b", ""):
        with pytest.raises(ValueError, match="encoding"):
            TextForm(name)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_mark_is_seen_whether_the_encoding_is_said_or_not(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(JAPANESE.encode(encoding))
    assert read_text(path) == read_text(path, TextForm(encoding)) == JAPANESE


def test_line_ends_across_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "BLOCK", 1)
    path = tmp_path / "a.txt"
    path.write_bytes("é\r\n\rb\n\r".encode())
    assert read_text(path) == "é\n\nb\n\n"
    assert read_text(path, TextForm(newlines="keep")) == "é\r\n\rb\n\r"


# ----------------------------------------------------------------------------------------------- tables


def test_a_column_of_any_table(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = ["one, two", 'a "word"', "", "last\n"]
    table = pa.table({"id": [1, 2, 3, 4], "body": rows})
    pq.write_table(table, tmp_path / "t.parquet")
    with pa.OSFile(str(tmp_path / "t.arrow"), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    with pa.OSFile(str(tmp_path / "f.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    lines = "".join(json.dumps({"body": row, "id": 1}) + "\n" for row in rows)
    (tmp_path / "t.jsonl").write_text(lines + "\n")
    (tmp_path / "t.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    (tmp_path / "t.csv").write_text('id,body\n1,"one, two"\n2,"a ""word"""\n3,\n4,"last\n"\n')
    for name in ("t.parquet", "t.arrow", "f.arrow", "t.jsonl", "t.jsonl.gz", "t.csv"):
        assert read_file(tmp_path / name, text_column="body") == 'one, two\na "word"\n\nlast\n', name
        with pytest.raises(UserError, match=rf"{name}.*has no column 'text' \(.*body"):
            load_corpus(files=[tmp_path / name])
    (tmp_path / "t.tsv").write_text('n\ttext\n1\tsays "no\n')
    assert read_file(tmp_path / "t.tsv") == 'says "no\n'


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.jsonl", b'{"text": "a"}\n[1]\n', r"t\.jsonl, line 2: is list, not a JSON object"),
        ("t.jsonl", b'{"text": 3}\n', r"t\.jsonl, line 1: 'text' is int, not text"),
        ("t.jsonl", b'{"text": "a"\n', r"t\.jsonl, line 1: is not JSON"),
        ("t.jsonl", b'{"text": ' + b"[" * 100_000 + b"\n", r"t\.jsonl, line 1: is nested too deeply|is not JSON"),
        ("t.csv", b"id,text\n1,a\n2\n", r"t\.csv, line 3: has 1 columns, line 1 has 2"),
        ("t.csv", b"text\n\n\n", r"t\.csv: the column 'text' is empty"),
        ("t.parquet", b"PAR1 and no more", r"t\.parquet: is damaged, or no parquet file"),
        ("t.arrow", b"ARROW1\0\0 and no more", r"t\.arrow: is damaged, or no arrow file"),
        ("t.arrow", b"\xff\xff\xff\xff\x10\0\0\0nothing", r"t\.arrow: is damaged, or no arrow file"),
    ],
)
def test_tables_that_will_not_do(name: str, content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=said):
        load_corpus(files=[tmp_path / name])


def test_patterns_are_understood_where_a_text_is_named(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt"):
        (tmp_path / name).write_text(f"the text of {name}\n")
    both = load_corpus(files=[str(tmp_path / "*.txt")])
    assert both.sha256 == load_corpus(files=[tmp_path / "a.txt", tmp_path / "b.txt"]).sha256
    with pytest.raises(UserError, match=r"\*\.md: fits no file"):
        load_corpus(files=[str(tmp_path / "*.md")])


def test_a_hole_is_no_text(tmp_path: Path) -> None:
    """A file of 200 MB that was never written is zeros; it trained for minutes on one character."""
    path = tmp_path / "holes.txt"
    with path.open("wb") as file:
        file.truncate(3 << 20)
    with pytest.raises(UserError, match=r"holes.txt, byte 0: is no text: NUL bytes and nothing else"):
        read_text(path)
    path.write_bytes(b"a" * (1 << 20) + b"\0" * (1 << 20))
    with pytest.raises(UserError, match=r"byte 1048576: is no text"):
        read_text(path)
    path.write_bytes(b"a\0b\n")
    assert read_text(path) == "a\0b\n"
