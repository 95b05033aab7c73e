"""Where vectors come from: plain files, gzip, zip, the hub; and packed files that are not what they seem."""

from __future__ import annotations

import gzip
import io
import os
import threading
import tracemalloc
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from vector_files import THREE, fasttext, text, word2vec, write

from rnnzoo.embeddings import load_vectors
from rnnzoo.errors import UserError

CONTENTS = {
    "text": text(THREE),
    "headed": text(THREE, header=True),
    "word2vec": word2vec(THREE, newline=True),
    "gensim": word2vec(THREE, newline=False),
    "fasttext": fasttext([*THREE])[0],
}
REPEATED = (b"the" + b" 1" * 2000 + b"\n") * 3000  # packs to a few hundredths of a percent


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


@pytest.mark.parametrize("name", CONTENTS)
def test_packed_files_give_the_same(tmp_path: Path, name: str) -> None:
    content = CONTENTS[name]
    plain = load_vectors(write(tmp_path, content), [*THREE])
    packed = {
        "gz": gzip.compress(content),
        "two parts": gzip.compress(content[:40]) + gzip.compress(content[40:]),
        "zip": zipped({"a.txt": content}),
        "stored": zipped({"a.txt": content}, zipfile.ZIP_STORED),
    }
    for how, packed_content in packed.items():
        found = load_vectors(write(tmp_path, packed_content, how), [*THREE])
        np.testing.assert_array_equal(found.matrix, plain.matrix)
    members = write(tmp_path, zipped({"x/": b"", "x/other.txt": b"the 5 5\n", "x/a.txt": content}), "many.zip")
    found = load_vectors(members, [*THREE], member="x/a.txt")
    np.testing.assert_array_equal(found.matrix, plain.matrix)
    assert found.coverage.source == "many.zip/x/a.txt"


def test_members_of_a_zip(tmp_path: Path) -> None:
    path = write(tmp_path, zipped({"a.txt": text(THREE), "b.txt": text(THREE)}), "v.zip")
    with pytest.raises(UserError, match=r"v\.zip: has 2 files: name one as the member \(known: a\.txt, b\.txt\)"):
        load_vectors(path, ["the"])
    with pytest.raises(UserError, match=r"v\.zip: has no member 'c\.txt' \(did you mean '[ab]\.txt'\?\)"):
        load_vectors(path, ["the"], member="c.txt")
    with pytest.raises(UserError, match=r"is not a zip, so it has no member 'a\.txt'"):
        load_vectors(write(tmp_path, text(THREE)), ["the"], member="a.txt")
    broken = write(tmp_path, zipped({"a.txt": b"a 1 2\nb 1\n"}), "v.zip")
    with pytest.raises(UserError, match=r"v\.zip/a\.txt, line 2: "):
        load_vectors(broken, ["b"])
    with pytest.raises(UserError, match="is encrypted or packed in a way that is not read"):
        load_vectors(write(tmp_path, zipped({"a": text(THREE)}, zipfile.ZIP_LZMA)), ["the"])


@pytest.mark.parametrize("name", CONTENTS)
def test_truncated_and_damaged_gzip(tmp_path: Path, name: str) -> None:
    packed = gzip.compress(CONTENTS[name])
    for size in range(2, len(packed)):
        with pytest.raises(UserError, match=r"truncated|damaged|is empty|claims"):
            load_vectors(write(tmp_path, packed[:size]), ["the"])
    middle = len(packed) // 2
    with pytest.raises(UserError):
        load_vectors(write(tmp_path, packed[:middle] + bytes([packed[middle] ^ 255]) + packed[middle + 1 :]), ["the"])
    with pytest.raises(UserError, match="the packed file is damaged: CRC"):
        load_vectors(write(tmp_path, packed[:-8] + b"\0\0\0\0" + packed[-4:]), ["the"])


def test_damaged_zip(tmp_path: Path) -> None:
    packed = zipped({"a.txt": text(THREE)}, zipfile.ZIP_STORED)
    with pytest.raises(UserError, match="is a damaged zip"):
        load_vectors(write(tmp_path, packed[:-5]), ["the"])
    changed = packed.replace(b"0.25", b"0.26")
    with pytest.raises(UserError, match="the packed file is damaged: Bad CRC-32"):
        load_vectors(write(tmp_path, changed), ["the"])


@pytest.mark.parametrize("how", ["gz", "zip"])
def test_bombs_are_not_unpacked(tmp_path: Path, how: str) -> None:
    bomb = gzip.compress(REPEATED) if how == "gz" else zipped({"v.txt": REPEATED})
    assert len(bomb) * 200 + (1 << 20) < len(REPEATED)
    path = write(tmp_path, bomb)
    tracemalloc.start()
    with pytest.raises(UserError, match=r"is not read( on)?: [\d,]+ bytes (unpack|claim to unpack) to [\d,]+"):
        load_vectors(path, ["the"])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 << 20


def test_a_size_that_a_zip_hides(tmp_path: Path) -> None:
    packed = zipped({"v.txt": REPEATED})
    claimed = len(REPEATED).to_bytes(4, "little")
    path = write(tmp_path, packed.replace(claimed, (16).to_bytes(4, "little")))
    with pytest.raises(UserError, match="the packed file is damaged: Bad CRC-32"):
        load_vectors(path, ["the"])


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing: is missing"):
        load_vectors(tmp_path / "nothing", ["a"])
    with pytest.raises(UserError, match="is a folder"):
        load_vectors(tmp_path, ["a"])
    os.mkfifo(tmp_path / "pipe")
    descriptor = os.open(tmp_path / "pipe", os.O_RDWR)  # else opening it waits for a writer
    with pytest.raises(UserError, match="is not a regular file"):
        load_vectors(tmp_path / "pipe", ["a"])
    os.close(descriptor)


class Hub(BaseHTTPRequestHandler):
    """What `hf_hub_download` asks for, with one file in one model and one dataset repository."""

    commit = "0123456789abcdef0123456789abcdef01234567"
    files = (
        "/org/vectors/resolve/main/deep/small.txt",
        f"/org/vectors/resolve/{commit}/deep/small.txt",
        "/datasets/org/vectors/resolve/main/deep/small.txt",
    )

    def do_HEAD(self) -> None:
        there = self.path in self.files
        self.send_response(200 if there else 404)
        if there:
            self.send_header("ETag", '"of-small"')
            self.send_header("X-Repo-Commit", self.commit)
            self.send_header("Content-Length", str(len(text(THREE))))
        else:
            self.send_header("X-Error-Code", "EntryNotFound")
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        if self.path in self.files:
            self.wfile.write(text(THREE))

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    import huggingface_hub.constants as constants

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    yield
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_file_of_the_hub(hub: None) -> None:
    for source in (
        "hub:org/vectors/deep/small.txt",
        f"hub:org/vectors@{Hub.commit}/deep/small.txt",
        "hub:datasets/org/vectors/deep/small.txt",
    ):
        vectors = load_vectors(source, ["of", "the"])
        np.testing.assert_array_equal(vectors.matrix, np.array([THREE["of"], THREE["the"]], np.float32))
        assert vectors.coverage.source == "small.txt"
    with pytest.raises(UserError, match=r"hub:org/vectors/other\.txt: cannot be downloaded: "):
        load_vectors("hub:org/vectors/other.txt", ["of"])


@pytest.mark.parametrize("source", ["hub:org", "hub:org/repo", "hub:org/repo/", "hub:a/b/../c", "hub:datasets/a/b"])
def test_what_names_no_file_of_the_hub(source: str) -> None:
    with pytest.raises(UserError, match="names no file of the hub: hub:org/repo"):
        load_vectors(source, ["of"])
