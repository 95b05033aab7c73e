"""Where tables go: a whole file, a pipe, and nowhere."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from rnnzoo.cli.text_io import check_output, write_table
from rnnzoo.errors import UserError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes by name are POSIX's")


def test_into_a_pipe_that_the_shell_has_made() -> None:
    reads, writes = os.pipe()
    check_output(f"/dev/fd/{writes}")
    write_table(lambda file: file.write("a\tb\n"), f"/dev/fd/{writes}")
    os.close(writes)
    with os.fdopen(reads, "rb") as file:
        assert file.read() == b"a\tb\n"


def test_a_pipe_that_nobody_reads_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="pipe: cannot be written"):
        write_table(lambda file: file.write("a\n"), str(tmp_path / "pipe"))


def test_an_older_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "t.tsv"
    path.write_text("old\n")
    (tmp_path / "link").symlink_to(path)

    def fails(file: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(UserError, match="No space left"):
        write_table(fails, str(path))
    assert [one.name for one in sorted(tmp_path.iterdir())] == ["link", "t.tsv"]
    assert path.read_text() == "old\n"
    write_table(lambda file: file.write("new\n"), str(tmp_path / "link"))
    assert path.read_text() == "new\n"
    assert (tmp_path / "link").is_symlink()
