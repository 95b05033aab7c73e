"""Downloads from a server on this machine that behaves as badly as real ones."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from rnnzoo.data import CATALOGUE, find_corpus, load_corpus
from rnnzoo.data.download import get_corpus
from rnnzoo.data.sources import CorpusEntry, CorpusFile, Form, Source
from rnnzoo.errors import UserError

TEXT = "".join(f"line {i} é\n" for i in range(20_000)).encode()
PAGE = b"<!DOCTYPE html><title>Sign in</title>" + b" " * 5000


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server, path = self.server, self.path
        asked = self.headers.get("Range")
        server.log.append((path, asked, self.headers.get("If-Range")))
        if path not in server.files:
            self.send_error(server.status)
            return
        data, tag = server.files[path], server.tags.get(path, '"1"')
        start = 0
        if asked and server.ranges and self.headers.get("If-Range") == tag:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(data):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(data)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start + server.lie}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        if tag:
            self.send_header("ETag", tag)
        if server.lengths:
            self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        cuts = server.cuts.get(path, [])
        self.wfile.write(data[start : start + cuts.pop(0)] if cuts else data[start:])

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    """Gives `files`; the first answers for a path end after as many bytes as `cuts` says."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.tags: dict[str, str] = {}
        self.cuts: dict[str, list[int]] = {}
        self.log: list[tuple[str, str | None, str | None]] = []
        self.ranges = self.lengths = True
        self.lie = 0
        self.status = 404

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("RNNZOO_DATA", str(tmp_path / "data"))
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def corpus(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Path]:
    """Puts a corpus of one file, to be had at `paths`, into the catalogue; returns where the file belongs."""

    def make(
        *paths: str, content: bytes = TEXT, member: str = "", gzipped: bool = False, form: Form = "", known: bool = True
    ) -> Path:
        sources = tuple(Source(server.url(path), member, gzipped, form) for path in paths)
        size, sha256 = (len(content), hashlib.sha256(content).hexdigest()) if known else (None, None)
        file = CorpusFile("sub/input.txt", size, sha256, sources, "all")
        monkeypatch.setitem(CATALOGUE, "served", CorpusEntry("served", "text", "contiguous", "none", "served", (file,)))
        return tmp_path / "data" / "served" / "sub" / "input.txt"

    return make


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/"), content)
    return buffer.getvalue()


def left_over(path: Path) -> list[str]:
    """What lies about beside the corpus's own file."""
    folder = path.parent.parent
    found = [p.relative_to(folder) for p in folder.rglob("*") if p.is_file() and p != path]
    return sorted(p.name for p in found if p.name != ".lock")


def refused() -> str:
    with pytest.raises(UserError) as caught:
        get_corpus("served")
    return str(caught.value)


def test_a_file_arrives_whole_and_only_once(server: Server, corpus: Callable[..., Path]) -> None:
    path = corpus("/a")
    server.files["/a"] = TEXT
    seen: list[tuple[str, int, int | None]] = []
    folder = get_corpus("served", report=lambda *facts: seen.append(facts))
    assert folder == path.parent.parent == find_corpus(CATALOGUE["served"])
    assert path.read_bytes() == TEXT
    assert path.stat().st_mode & 0o444 == 0o444
    assert left_over(path) == []
    assert seen[-1] == ("served/sub/input.txt", len(TEXT), len(TEXT))
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)
    get_corpus("served")
    assert len(server.log) == 1
    assert load_corpus("served").sha256 == hashlib.sha256(TEXT).hexdigest()


def test_a_cut_connection_is_continued_at_once(server: Server, corpus: Callable[..., Path]) -> None:
    path = corpus("/a")
    server.files["/a"], server.cuts["/a"] = TEXT, [1000, 500]
    get_corpus("served")
    assert path.read_bytes() == TEXT
    assert server.log == [("/a", None, None), ("/a", "bytes=1000-", '"1"'), ("/a", "bytes=1500-", '"1"')]


def test_a_later_run_continues(server: Server, corpus: Callable[..., Path]) -> None:
    path = corpus("/a")
    server.files["/a"], server.cuts["/a"] = TEXT, [1000, 10, 10, 10, 10]
    message = refused()
    assert message.startswith("served/sub/input.txt is not to be had (127.0.0.1:")
    assert f"the connection was cut after 1,040 of {len(TEXT):,} bytes, 5 times" in message
    assert not path.exists()
    get_corpus("served")
    assert server.log[-1] == ("/a", "bytes=1040-", '"1"')
    assert path.read_bytes() == TEXT
    assert left_over(path) == []


def test_a_server_without_ranges_sends_all_again(server: Server, corpus: Callable[..., Path]) -> None:
    path = corpus("/a")
    server.files["/a"], server.cuts["/a"], server.ranges = TEXT, [1000], False
    get_corpus("served")
    assert path.read_bytes() == TEXT


def test_a_file_that_changed_meanwhile_is_fetched_whole(server: Server, corpus: Callable[..., Path]) -> None:
    path = corpus("/a")
    server.files["/a"], server.cuts["/a"] = TEXT.upper(), [1000] * 5
    refused()
    server.files["/a"], server.tags["/a"] = TEXT, '"2"'
    server.cuts.clear()
    get_corpus("served")
    assert path.read_bytes() == TEXT


def test_a_file_that_changed_under_the_same_tag_is_fetched_whole(server: Server, corpus: Callable[..., Path]) -> None:
    path = corpus("/a")
    server.files["/a"], server.cuts["/a"] = TEXT.upper(), [1000] * 5
    refused()
    server.files["/a"] = TEXT
    server.cuts.clear()
    get_corpus("served")
    assert path.read_bytes() == TEXT
    assert server.log[-1] == ("/a", None, None)


@pytest.mark.parametrize("tag", ["", 'W/"weak"'])
def test_without_a_strong_tag_nothing_is_continued(tag: str, server: Server, corpus: Callable[..., Path]) -> None:
    path = corpus("/a")
    server.files["/a"], server.tags["/a"], server.cuts["/a"] = TEXT, tag, [1000]
    get_corpus("served")
    assert path.read_bytes() == TEXT
    assert server.log == [("/a", None, None)] * 2


def test_a_server_that_sends_another_part(server: Server, corpus: Callable[..., Path]) -> None:
    path = corpus("/a")
    server.files["/a"], server.cuts["/a"], server.lie = TEXT, [1000], 7
    get_corpus("served")
    assert path.read_bytes() == TEXT


def test_an_archive_that_was_there_already_is_not_fetched_again(server: Server, corpus: Callable[..., Path]) -> None:
    path = corpus("/a.zip", member="other/text")
    server.files["/a.zip"] = zipped(other__text=TEXT)
    get_corpus("served")
    path.unlink()
    # as after a run that was stopped between download and unpacking
    part = path.parent.parent / f".{hashlib.sha256(server.url('/a.zip').encode()).hexdigest()[:16]}.part"
    part.write_bytes(server.files["/a.zip"])
    Path(f"{part}.tag").write_text('"1"')
    get_corpus("served")
    assert path.read_bytes() == TEXT
    assert server.log[-1] == ("/a.zip", f"bytes={len(server.files['/a.zip'])}-", '"1"')
    assert left_over(path) == []


def test_the_mirror_is_asked_when_the_first_has_nothing(server: Server, corpus: Callable[..., Path]) -> None:
    path = corpus("/gone", "/mirror")
    server.files["/mirror"] = TEXT
    get_corpus("served")
    assert path.read_bytes() == TEXT
    assert [entry[0] for entry in server.log] == ["/gone", "/mirror"]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (PAGE, "an HTML page came in place of the file"),
        (b"  <html>", "an HTML page came in place of the file"),
        (TEXT.replace(b"9", b"8"), r"sha256 [0-9a-f]{12}\.\.\. instead of"),
        (TEXT[:-1], f"{len(TEXT) - 1:,} bytes instead of {len(TEXT):,}"),
        (TEXT + b"x", f"{len(TEXT) + 1:,} bytes, {len(TEXT):,} at most were expected"),
        (b"", f"0 bytes instead of {len(TEXT):,}"),
    ],
)
def test_wrong_content_never_gets_the_name(
    wrong: bytes, reason: str, server: Server, corpus: Callable[..., Path]
) -> None:
    path = corpus("/bad")
    server.files["/bad"] = wrong
    with pytest.raises(UserError, match=reason):
        get_corpus("served")
    assert not path.exists()
    assert left_over(path) == []
    corpus("/bad", "/good")
    server.files["/good"] = TEXT
    get_corpus("served")
    assert path.read_bytes() == TEXT


def test_more_than_expected_without_a_length(server: Server, corpus: Callable[..., Path]) -> None:
    path = corpus("/a")
    server.files["/a"], server.lengths = TEXT * 3, False
    assert f"more than the {len(TEXT):,} bytes" in refused()
    assert left_over(path) == []
    server.files["/a"] = TEXT
    get_corpus("served")
    assert path.read_bytes() == TEXT


def test_each_source_tells_its_reason(server: Server, corpus: Callable[..., Path]) -> None:
    corpus("/one", "/two")
    server.files["/two"] = PAGE
    server.status = 503
    message = refused()
    assert "HTTP 503; " in message
    assert "an HTML page" in message or "at most were expected" in message
    assert "\n" not in message


def test_nobody_listens(server: Server, corpus: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    corpus()
    file = CATALOGUE["served"].files[0]
    urls = ("http://127.0.0.1:9/a", "ftp://127.0.0.1/a", "file:///etc/hosts")
    wrong = CorpusFile(file.path, file.size, file.sha256, tuple(map(Source, urls)))
    monkeypatch.setitem(CATALOGUE, "served", CorpusEntry("served", "text", "contiguous", "none", "served", (wrong,)))
    message = refused()
    assert "127.0.0.1:9: Connection refused; 127.0.0.1: not an http address; : not an http address" in message


def test_gzip_and_zip_members(server: Server, corpus: Callable[..., Path]) -> None:
    server.files |= {"/a.gz": gzip.compress(TEXT), "/a.zip": zipped(x__y=TEXT, other=b"o")}
    path = corpus("/a.gz", gzipped=True)
    get_corpus("served")
    assert path.read_bytes() == TEXT
    path.unlink()
    corpus("/a.zip", member="x/y")
    get_corpus("served")
    assert path.read_bytes() == TEXT
    assert left_over(path) == []


def damaged(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


@pytest.mark.parametrize("at", [2, 40, 200, -4, -30])
def test_damaged_archives(at: int, server: Server, corpus: Callable[..., Path]) -> None:
    packed, archive = gzip.compress(TEXT), zipped(text=TEXT)
    server.files |= {"/a.gz": damaged(packed, at % len(packed)), "/a.zip": damaged(archive, at % len(archive))}
    server.files["/cut.gz"], server.files["/cut.zip"] = packed[:-100], archive[:-100]
    for name in ("a", "cut"):
        for kind in ({"gzipped": True}, {"member": "text"}):
            path = corpus(f"/{name}.{'gz' if 'gzipped' in kind else 'zip'}", **kind)
            with contextlib.suppress(UserError):
                get_corpus("served")  # a flipped bit in a time stamp does no harm
            assert not path.exists() or path.read_bytes() == TEXT
            assert name == "a" or not path.exists()
            path.unlink(missing_ok=True)
            assert left_over(path) == []


def test_archives_without_the_member_or_with_too_much(server: Server, corpus: Callable[..., Path]) -> None:
    server.files["/a.zip"] = zipped(other=TEXT, big=TEXT + b"!", bomb=bytes(20_000_000))
    corpus("/a.zip", member="text")
    assert "the archive has no text" in refused()
    corpus("/a.zip", member="big")
    assert f"more than the {len(TEXT):,} bytes" in refused()
    corpus("/a.zip", member="bomb", known=False)
    assert "bomb claims to unpack to 20,000,000 bytes" in refused()
    server.files["/a.gz"] = gzip.compress(bytes(20_000_000))
    path = corpus("/a.gz", gzipped=True, known=False)
    assert "bytes that were expected" in refused()
    assert not path.exists()
    assert left_over(path) == []


def test_a_file_whose_hash_nobody_knows(server: Server, corpus: Callable[..., Path]) -> None:
    path = corpus("/a.zip", member="text", known=False)
    server.files["/a.zip"] = b"<html>"
    assert "not an archive" in refused()
    server.files["/a.zip"] = zipped(text=b"")
    assert "an empty file" in refused()
    server.files["/a.zip"] = zipped(text=TEXT)
    get_corpus("served")
    assert path.read_bytes() == TEXT
    get_corpus("served")
    assert len(server.log) == 3


def test_one_archive_serves_all_its_members(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    server.files["/a.zip"] = zipped(train=b"aa", valid=b"b", test=b"c", **{"..__..__evil": b"x"})
    files = tuple(
        CorpusFile(f"{role}.txt", None, None, (Source(server.url("/a.zip"), role),), role)
        for role in ("train", "valid", "test")
    )
    monkeypatch.setitem(CATALOGUE, "served", CorpusEntry("served", "text", "files", "none", "served", files))
    get_corpus("served")
    assert load_corpus("served").splits == {"train": "aa", "valid": "b", "test": "c"}
    assert len(server.log) == 1
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == [".lock", "test.txt", "train.txt", "valid.txt"]


@pytest.mark.parametrize("ends", [b"\r", b"\r\n", b"\n"])
def test_one_newline_form(ends: bytes, server: Server, corpus: Callable[..., Path]) -> None:
    wanted = "“Well, Prince”\n\nsaid\nshe\n".encode()
    server.files["/a"] = b"\xef\xbb\xbf" + wanted.replace(b"\n", ends) + ends * 2
    path = corpus("/a", content=wanted, form="one-newline")
    get_corpus("served")
    assert path.read_bytes() == wanted


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_character_ptb_can_be_spelt_from_the_words(
    split: str, server: Server, corpus: Callable[..., Path], corpus_path: Callable[[str], Path]
) -> None:
    server.files["/words"] = corpus_path(f"ptb/ptb.{split}.txt").read_bytes()
    wanted = corpus_path(f"ptb/ptb.char.{split}.txt").read_bytes()
    path = corpus("/words", content=wanted, form="spelt")
    get_corpus("served")
    assert path.read_bytes() == wanted


def test_war_and_peace_from_its_source(
    server: Server, monkeypatch: pytest.MonkeyPatch, corpus_path: Callable[[str], Path], tmp_path: Path
) -> None:
    """The catalogue's own entry, its three addresses pointed here; what they give is rebuilt from its description."""
    entry = CATALOGUE["war-and-peace"]
    crlf = corpus_path("war-and-peace/warpeace_input.crlf.txt").read_bytes()
    server.files = {"/0": crlf.replace(b"\r\n", b"\r") + b"\r\r", "/2": crlf}
    assert len(server.files["/0"]) == 3_196_234
    for first in (0, 2):
        file = entry.files[0]
        sources = tuple(Source(server.url(f"/{i}"), form=s.form) for i, s in enumerate(file.sources) if i >= first)
        served = CorpusFile(file.path, file.size, file.sha256, sources, file.role)
        made = CorpusEntry(entry.name, entry.kind, entry.split, entry.licence, f"{first}", (served,))
        monkeypatch.setitem(CATALOGUE, entry.name, made)
        get_corpus(entry.name)
        assert (tmp_path / "data" / f"{first}" / "input.txt").stat().st_size == file.size


def test_a_damaged_file_is_replaced(server: Server, corpus: Callable[..., Path]) -> None:
    path = corpus("/a")
    server.files["/a"] = TEXT
    path.parent.mkdir(parents=True)
    path.write_bytes(TEXT.upper())
    get_corpus("served")
    assert path.read_bytes() == TEXT


def test_without_rnnzoo_data_the_cache_folder_is_used(
    server: Server, corpus: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    corpus("/a")
    server.files["/a"] = TEXT
    monkeypatch.delenv("RNNZOO_DATA")
    monkeypatch.setenv("RNNZOO_CACHE", str(tmp_path / "cache"))
    assert get_corpus("served") == tmp_path / "cache" / "data" / "served"
    monkeypatch.setenv("RNNZOO_DATA", str(tmp_path / "elsewhere"))
    assert get_corpus("served") == tmp_path / "cache" / "data" / "served"
    assert len(server.log) == 1


def test_a_folder_that_cannot_be_made(server: Server, corpus: Callable[..., Path], tmp_path: Path) -> None:
    corpus("/a")
    (tmp_path / "data").write_text("a file")
    with pytest.raises(UserError, match=r"served: cannot be written \(Not a directory\); RNNZOO_DATA names another"):
        get_corpus("served")


def test_several_at_once(server: Server, corpus: Callable[..., Path]) -> None:
    path = corpus("/a")
    server.files["/a"] = TEXT
    results: list[object] = []

    def get() -> None:
        try:
            results.append(get_corpus("served"))
        except BaseException as error:
            results.append(error)

    threads = [threading.Thread(target=get) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [path.parent.parent] * 6
    assert path.read_bytes() == TEXT
    assert len(server.log) == 1  # the others waited, and found it there


def test_built_in_and_unknown_names() -> None:
    assert get_corpus("pydocs") is None
    with pytest.raises(UserError, match="did you mean 'enwik8'"):
        get_corpus("enwiki8")
