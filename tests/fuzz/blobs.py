"""Bytes that are no text, files that are no files, values that no field takes."""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["NAMES", "PLACES", "bomb", "damaged", "odd_bytes", "odd_path", "odd_value", "odd_word"]

TEXT = "the cat sat on the mat. a dog ran by, and the cat ran too.\n"

CONTROL = "\x00\x01\x07\x08\x0b\x0c\x1b[31m\x1b]0;title\x07\x7f\x85\u2028\u2029\u200b\u202e\ufeff\ufffe\U000e0001"


class _Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch $RNNZOO_TRACE",)


def bomb() -> bytes:
    """A pickle that runs code."""
    return pickle.dumps(_Bomb())


def _zipped() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../escaped.txt", TEXT * 10)
        archive.writestr("text.txt", TEXT * 10)
    return data.getvalue()


def _encoded(encoding: str) -> Callable[[random.Random], bytes]:
    text = (TEXT + "Größe, naïve café, čeština, “quotes” – dash\n") * 10
    return lambda draw: text.encode(encoding, "replace")


BYTES: dict[str, Callable[[random.Random], bytes]] = {
    "nothing": lambda draw: b"",
    "one byte": lambda draw: bytes([draw.randrange(256)]),
    "few characters": lambda draw: TEXT[: draw.randint(1, 40)].encode(),
    "one character again and again": lambda draw: b"a" * draw.choice([10, 1000, 100_000]),
    "line ends only": lambda draw: draw.choice([b"\n", b"\r", b"\r\n", b" \n"]) * draw.choice([1, 50, 5000]),
    "NULs": lambda draw: b"\0" * draw.choice([1, 1000, 100_000]),
    "noise": lambda draw: draw.randbytes(draw.choice([10, 1000, 50_000])),
    "noise above 127": lambda draw: bytes(draw.randrange(128, 256) for _ in range(500)),
    "UTF-16": _encoded("utf-16"),
    "UTF-16 without a mark": lambda draw: TEXT.encode(draw.choice(["utf-16-le", "utf-16-be"])) * 20,
    "UTF-32": _encoded("utf-32"),
    "a mark of UTF-16 on UTF-8": lambda draw: draw.choice([b"\xff\xfe", b"\xfe\xff"]) + TEXT.encode() * 20,
    "UTF-8 with a mark": _encoded("utf-8-sig"),
    "a mark only": lambda draw: draw.choice([b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xff\xfe\0\0"]),
    "Latin-1": _encoded("latin-1"),
    "Windows": _encoded("cp1252"),
    "Shift-JIS": lambda draw: ("吾輩は猫である。名前はまだ無い。\n" * 30).encode("shift-jis"),
    "GB18030": lambda draw: ("我是一只猫。\n" * 50).encode("gb18030"),
    "UTF-7": _encoded("utf-7"),
    "surrogates": lambda draw: TEXT.encode() * 5 + "\ud800\udc00".encode("utf-8", "surrogatepass") + TEXT.encode() * 5,
    "overlong": lambda draw: TEXT.encode() * 5 + b"\xc0\xaf\xe0\x80\xaf" + TEXT.encode() * 5,
    "a character cut off": lambda draw: (TEXT * 10).encode() + "é€𝄞".encode()[: draw.choice([1, 3, 4, 6, 8])],
    "CR LF": lambda draw: TEXT.replace("\n", "\r\n").encode() * 20,
    "CR": lambda draw: TEXT.replace("\n", "\r").encode() * 20,
    "mixed line ends": lambda draw: "".join(
        TEXT[:-1] + draw.choice("\r\n\x0b\x0c\x85\u2028") for _ in range(40)
    ).encode(),
    "controls": lambda draw: "".join(draw.choice(CONTROL + TEXT) for _ in range(2000)).encode(),
    "all kinds of characters": lambda draw: "".join(chr(draw.randrange(0x20, 0xD000)) for _ in range(3000)).encode(),
    "combining": lambda draw: ("a" + "\u0301" * draw.choice([10, 5000])).encode() * 3,
    "emoji": lambda draw: "👩‍👩‍👧‍👦🏳️‍🌈 ".encode() * 100,
    "no space": lambda draw: b"abcdefghij" * draw.choice([100, 20_000]),
    "one long word": lambda draw: bytes(draw.choices(b"abcdefgh", k=draw.choice([1000, 200_000]))) + b" a b c\n" * 20,
    "one long line": lambda draw: b"the cat sat " * 5000,
    "short lines": lambda draw: b"a\n\nb\n" * 2000,
    "tabs": lambda draw: "".join(draw.choice("ab \t\n") for _ in range(2000)).encode(),
    "gzip": lambda draw: gzip.compress(TEXT.encode() * 50, mtime=0),
    "gzip cut off": lambda draw: gzip.compress(draw.randbytes(5000), mtime=0)[:3000],
    "zip": lambda draw: _zipped(),
    "a pickle": lambda draw: bomb(),
    "a picture": lambda draw: b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + draw.randbytes(500),
    "parquet": lambda draw: b"PAR1" + draw.randbytes(500) + b"PAR1",
    "JSON lines": lambda draw: (json.dumps({"text": TEXT}) + "\n").encode() * 20,
    "JSON lines of other things": lambda draw: b'{"text": 3}\n[1]\nnull\n{"text": "a"}\n' * 20,
    "CSV": lambda draw: b'a,"b\nc",d\n1,2\n' * 50,
    "HTML": lambda draw: b"<html><script>alert(1)</script>" * 30,
    "text": lambda draw: "".join(draw.choice(TEXT) for _ in range(draw.choice([200, 3000]))).encode(),
}
"""What a file may hold instead of what it should."""


def odd_bytes(draw: random.Random) -> tuple[str, bytes]:
    """Its name, and the bytes."""
    name = draw.choice(list(BYTES))
    return name, BYTES[name](draw)


def damaged(data: bytes, draw: random.Random) -> tuple[str, bytes]:
    """`data` with some of it lost, doubled, or changed; what was done, and the bytes."""
    at, length = draw.randrange(max(len(data), 1)), draw.choice([1, 4, 40])
    how = draw.choice(["cut", "flipped", "overwritten", "left out", "doubled", "inserted", "swapped", "longer"])
    new = bytearray(data)
    if how == "cut":
        del new[at:]
    elif how == "flipped" and new:
        for _ in range(draw.choice([1, 3, 30])):
            new[draw.randrange(len(new))] ^= 1 << draw.randrange(8)
    elif how == "overwritten":
        new[at : at + length] = draw.choice([b"\0", b"\xff", b"9", b"-", b"{", b'"', b" "]) * length
    elif how == "left out":
        del new[at : at + length]
    elif how == "doubled":
        new[at:at] = new[at : at + length * 10]
    elif how == "inserted":
        new[at:at] = draw.randbytes(length)
    elif how == "swapped":
        half = new[at:]
        new = half + new[:at]
    else:
        new += draw.choice([b"\0" * 100, b"\n", b"}", draw.randbytes(100)])
    return f"{how} at {at}", bytes(new)


PLACES = [
    *("/dev/null", "/dev/zero", "/dev/urandom", "/dev/full", "/dev/stdin", "/dev/fd/0", "/dev/tty", "/proc/self/mem"),
    *("/proc/self/environ", "/proc/self/cmdline", "/proc/kmsg", "/proc/x", "/sys/kernel", "/proc", "/", ".", "..", ""),
    *("/dev/null/x", "a\0b", "~", "x" * 300, "x/" * 3000 + "y", "nowhere/at/all", "*", "[", "?", "-", "--", " ", "\n"),
]
"""Paths that no text lies at, and none can be written to."""

NAMES = [
    *(
        "a b.txt",
        "a\nb.txt",
        "\x1b[31mred.txt",
        "-x.txt",
        "*.txt",
        "[a].txt",
        "'\".txt",
        "ü.txt",
        "u\u0308.txt",
        "😀.txt",
    ),
    *(os.fsdecode(b"caf\xe9.txt"), os.fsdecode(b"\xff\xfe"), "a:b.txt", "%s.txt", "$(touch $RNNZOO_TRACE).txt", "null"),
    *("x" * 250, "text.txt.gz", "text.txt.zip", "text.parquet", "text.jsonl", "text.json", "text.csv", "true", "1e3"),
]
"""Names that files of one's own may have."""


def odd_path(path: Path, draw: random.Random) -> tuple[str, Callable[[], None]]:
    """Puts something that is no ordinary file at `path`, in place of what is there; what, and the doing."""

    def gone() -> None:
        if path.is_symlink() or not path.is_dir():
            path.unlink(missing_ok=True)
        else:
            path.rename(path.with_name(f"{path.name}-was"))

    def link(target: str) -> Callable[[], None]:
        return lambda: path.symlink_to(target)

    def locked() -> None:
        path.write_bytes(b"x")
        path.chmod(0)

    kinds: dict[str, Callable[[], Any]] = {
        "a pipe": lambda: os.mkfifo(path),
        "a folder": lambda: path.mkdir(parents=True),
        "a folder with a file": lambda: (path.mkdir(parents=True), (path / "x").write_bytes(b"x")),
        "a link to itself": link(path.name),
        "a link to nothing": link("nowhere"),
        "a link to /dev/zero": link("/dev/zero"),
        "a link to /dev/urandom": link("/dev/urandom"),
        "a link to /dev/full": link("/dev/full"),
        "a link to memory": link("/proc/self/mem"),
        "a link above": link(".."),
        "an empty file": lambda: path.write_bytes(b""),
        "a file of holes": lambda: _holes(path),
        "a locked file": locked,
        "nothing": lambda: None,
    }
    name = draw.choice(list(kinds))

    def put() -> None:
        gone()
        kinds[name]()

    put.last = True  # type: ignore[attr-defined]
    return f"{name} for {path.name[:40]!r}", put


def _holes(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(200 << 20)


NUMBERS: list[Any] = [
    *(-1, 0, 1, 2, 3, 7, -(2**31), 2**31 - 1, 2**31, 2**32, 2**53 + 1, 2**63 - 1, 2**63, 2**64, 2**200, 10**7, 10**5),
    *(-1.0, 0.0, 0.5, 1.0, 1.5, -0.5, 1e-30, 1e-320, 1e30, 1e308, float("inf"), float("-inf"), float("nan"), -0.0),
]

OTHERS: list[Any] = [
    *(None, True, False, "", " ", "abc", "null", "0", "-1", "1e3", "\0", "\x1b[31m", "../..", "/proc/x", "a" * 5000),
    *(
        "os.system",
        "__import__('os')",
        "${HOME}",
        "{x}",
        "%s",
        "日本",
        "\ud800",
        "auto",
        "none",
        "lstm",
        "char",
        "word",
    ),
    *([], {}, [None], [[]], {"name": "lstm"}, {"name": None}, {"": ""}, [1, 2], [-1], ["a"], {"a": {"b": [1]}}),
    *({"class_path": "os.system", "init_args": {"command": "touch $RNNZOO_TRACE"}}, {"name": "os.system"}),
]


def odd_value(draw: random.Random) -> Any:
    """A value that few fields take."""
    if draw.random() < 0.03:  # nested
        value: Any = 1
        for _ in range(draw.choice([50, 900])):
            value = [value] if draw.random() < 0.5 else {"a": value}
        return value
    return draw.choice(NUMBERS if draw.random() < 0.6 else OTHERS)


def odd_word(draw: random.Random) -> str:
    """The same as a word of a command line; words have no NUL."""
    if draw.random() < 0.1:
        return draw.choice(["9" * 5000, "[" * 5000, "{" * 2000, "!!python/object/apply:os.system [touch x]", "&a [*a]"])
    value = odd_value(draw)
    if isinstance(value, float):
        return (
            str(value)
            if draw.random() < 0.5
            else {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}.get(str(value), str(value))
        )
    word = value if isinstance(value, str) else json.dumps(value)
    return word.replace("\0", "")
