"""The benchmark's two sides read the same vectors."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from benchmarks.embeddings import one_round, report, vocabulary, write_vectors
from rnnzoo.embeddings import load_vectors


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.filterwarnings("ignore:Exception ignored in. <_io.FileIO:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_both_sides_read_the_same(tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    write_vectors(path, 300, 5)
    words = vocabulary(300, 60)
    assert load_vectors(path, words).coverage.exact == 40
    pytest.importorskip("gensim", reason="gensim, the other side, comes with the extra `bench`")
    options = {"rows": 300, "dim": 5, "vocabulary": 60, "file": str(path)}
    found = {side: [one_round(Namespace(side=side, **options))] for side in ("rnnzoo", "gensim")}
    assert found["rnnzoo"][0]["sum"] == found["gensim"][0]["sum"]
    assert (found["rnnzoo"][0]["kept"], found["gensim"][0]["kept"]) == (60 * 5 * 4, 300 * 5 * 4)
    assert "300 x 5 as text" in report({"setting": options, "size": path.stat().st_size, **found})
