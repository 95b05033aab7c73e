"""Small vector files in each format, written from the formats' descriptions and not with the package."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

Rows = Mapping[str, Sequence[float]]

THREE: Rows = {"the": (1.0, 2.0, -3.5), "of": (0.25, -1e-3, 4e5), "straße": (-0.5, 0.0, 7.0)}


def text(rows: Rows, *, header: bool = False, end: str = "\n") -> bytes:
    lines = [f"{token} {' '.join(map(str, vector))}" for token, vector in rows.items()]
    if header:
        lines.insert(0, f"{len(rows)} {len(next(iter(rows.values())))}")
    return "".join(line + end for line in lines).encode()


def word2vec(rows: Rows, *, newline: bool, claim: str | None = None) -> bytes:
    dim = len(next(iter(rows.values())))
    records = [
        token.encode() + b" " + np.array(vector, "<f4").tobytes() + b"\n" * newline for token, vector in rows.items()
    ]
    return (claim or f"{len(rows)} {dim}").encode() + b"\n" + b"".join(records)


def fnv(text: bytes) -> int:
    """32-bit FNV-1a on bytes as the signed numbers that C++ makes of them."""
    value = 2166136261
    for byte in text:
        value ^= (byte - 256 if byte > 127 else byte) & 0xFFFFFFFF
        value = value * 16777619 % 2**32
    return value


def ngrams(word: str, minn: int, maxn: int) -> list[str]:
    """All n-grams of ``<word>``, by their definition."""
    bracketed = f"<{word}>"
    found = [
        bracketed[i : i + n] for i in range(len(bracketed)) for n in range(minn, maxn + 1) if i + n <= len(bracketed)
    ]
    return [gram for i, gram in enumerate(found) if gram not in ("<", ">")]


def fasttext(
    words: Sequence[str],
    *,
    version: int = 12,
    dim: int = 2,
    bucket: int = 7,
    minn: int = 2,
    maxn: int = 3,
    model: int = 2,
    labels: Sequence[str] = (),
    seed: int = 0,
) -> tuple[bytes, np.ndarray]:
    """A model with random vectors, and its input matrix (words, then buckets)."""
    matrix = np.random.default_rng(seed).normal(size=(len(words) + bucket, dim)).astype("<f4")
    parts = [] if version == 0 else [struct.pack("<ii", 793712314, version)]
    parts += [struct.pack("<12i", dim, 5, 5, 1, 5, 1, 2, model, bucket, minn, maxn, 100), struct.pack("<d", 1e-4)]
    entries = len(words) + len(labels)
    parts += [struct.pack("<3iq", entries, len(words), len(labels), 100)]
    parts += [] if version == 0 else [struct.pack("<q", -1)]
    parts += [word.encode() + b"\0" + struct.pack("<qb", 3, 0) for word in words]
    parts += [label.encode() + b"\0" + struct.pack("<qb", 3, 1) for label in labels]
    parts += [] if version == 0 else [b"\0"]
    parts += [struct.pack("<qq", *matrix.shape), matrix.tobytes()]
    parts += [] if version == 0 else [b"\0"]
    parts += [struct.pack("<qq", 2, dim), np.zeros((2, dim), "<f4").tobytes()]
    return b"".join(parts), matrix


def write(folder: Path, content: bytes, name: str = "vectors") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path
