"""Files of word vectors that are damaged, or claim what they do not hold."""

from __future__ import annotations

import gzip
import struct
import zipfile
from pathlib import Path

from fuzz.blobs import damaged, odd_bytes, odd_path
from fuzz.case import Case, kind
from fuzz.stock import take

FILES = ("vectors.txt", "vectors.vec", "vectors.txt.gz", "vectors.zip", "vectors.ftz.bin", "vectors.bin")
HEADERS = (
    "0 0",
    "-1 6",
    "9 -6",
    "99999999999 6",
    "9 99999999999",
    "9 1",
    "9 7",
    "9",
    "9 6 6",
    "nan 6",
    "9" * 4000 + " 6",
    "\u0661 \u0666",
)


@kind("vectors", 8)
def vectors(case: Case) -> None:
    """A recipe that begins with vectors, or the reader itself."""
    draw, name = case.draw, case.draw.choice(FILES)
    take(case.stock, case.folder, name, "words.txt", "words.yaml")
    path = case.folder / name
    for _ in range(draw.choice([1, 1, 2])):
        _spoil(case, path)
    if draw.random() < 0.25:
        case.words = ["train", "words.yaml", "--embedding.source", name]
    else:
        options = draw.choice([{}, {}, {"format": "text"}, {"format": "word2vec"}, {"format": "fasttext"}, {"dim": 6}])

        def load() -> None:
            from rnnzoo.embeddings import load_vectors

            load_vectors(path, ["the", "cat", "dog", "sat"], **options)  # type: ignore[arg-type]

        case.call = load
        case.words = ["load_vectors", name, str(options)]


def _spoil(case: Case, path: Path) -> None:
    draw, data = case.draw, path.read_bytes()
    how = draw.choice(["damaged", "damaged", "bytes", "path", "header", "row", "numbers", "packed"])
    if how == "damaged":
        what, new = damaged(data, draw)
    elif how == "bytes":
        what, new = odd_bytes(draw)
    elif how == "path":
        what, do = odd_path(path, draw)
        case.change(what, do)
        return
    elif how == "header":
        line = draw.choice(HEADERS)
        what, new = f"begins with {line[:20]!r}", line.encode() + b"\n" + data.partition(b"\n")[2]
    elif how == "row":
        row = draw.choice(
            [
                b"\n",
                b"the\n",
                b"cat 1 2\n",
                b"the " + b"nan " * 6 + b"\n",
                b"the 1e999 2 3 4 5 6\n",
                b"x" * 5000 + b"\n",
            ]
        )
        what, new = f"with the row {row[:20]!r}", data + row
    elif how == "numbers":
        at = draw.randrange(0, max(min(len(data), 120) - 8, 1))
        number = draw.choice([0, -1, 2**31 - 1, -(2**31), 2**20])
        what, new = f"has {number} at byte {at}", data[:at] + struct.pack("<i", number) + data[at + 4 :]
    else:
        what, new = (
            "packed otherwise",
            _packed(path, data, draw.choice(["gz", "gz in gz", "empty zip", "zip of two", "gz of zeros"])),
        )
    case.change(f"{path.name} {what}", lambda: path.write_bytes(new) and None)


def _packed(path: Path, data: bytes, how: str) -> bytes:
    if how == "gz":
        return gzip.compress(data, mtime=0)
    if how == "gz in gz":
        return gzip.compress(gzip.compress(data, mtime=0), mtime=0)
    if how == "gz of zeros":
        return gzip.compress(bytes(30 << 20), 1, mtime=0)
    other = path.with_name("other.zip")
    with zipfile.ZipFile(other, "w") as archive:
        for number in range(2 if how == "zip of two" else 0):
            archive.writestr(f"{number}.txt", data)
    packed = other.read_bytes()
    other.unlink()
    return packed
