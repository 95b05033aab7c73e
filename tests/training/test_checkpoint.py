"""Checkpoint files: whole or not there, readable as others are, and nothing but data."""

from __future__ import annotations

import os
import pickle
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import small_lm
import torch

from rnnzoo.errors import UserError
from rnnzoo.files import write_durably
from rnnzoo.training import DurableCheckpointIO, is_whole

pytestmark = [pytest.mark.filterwarnings(filter) for filter in small_lm.FILTERS]

CHECKPOINT = {"state_dict": {"w": torch.arange(3.0)}, "pytorch-lightning_version": "2.6.6"}


class Breaks:
    """A value that cannot be written: the disk is full half way."""

    def __reduce__(self) -> Any:
        raise OSError(28, "No space left on device")


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_saves_and_loads(tmp_path: Path) -> None:
    io = DurableCheckpointIO()
    io.save_checkpoint(CHECKPOINT, tmp_path / "new" / "last.ckpt")
    loaded = io.load_checkpoint(tmp_path / "new" / "last.ckpt")
    assert loaded["state_dict"]["w"].equal(torch.arange(3.0))
    assert sorted(os.listdir(tmp_path / "new")) == ["last.ckpt", "last.ckpt.sha256"]
    io.remove_checkpoint(tmp_path / "new" / "last.ckpt")
    assert os.listdir(tmp_path / "new") == []


def test_writing_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    io, path = DurableCheckpointIO(), tmp_path / "last.ckpt"
    io.save_checkpoint(CHECKPOINT, path)
    before = path.read_bytes()
    with pytest.raises(UserError, match=r"last\.ckpt: cannot be written \(No space left"):
        io.save_checkpoint({**CHECKPOINT, "more": Breaks()}, path)
    assert path.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["last.ckpt", "last.ckpt.sha256"]

    def half(file: Any) -> None:
        file.write(before[: len(before) // 2])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_durably(path, half)
    assert path.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["last.ckpt", "last.ckpt.sha256"]


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
@pytest.mark.usefixtures("umask")
def test_the_file_mode_follows_the_umask(tmp_path: Path, mask: int) -> None:
    os.umask(mask)
    DurableCheckpointIO().save_checkpoint(CHECKPOINT, tmp_path / "last.ckpt")
    assert stat.S_IMODE((tmp_path / "last.ckpt").stat().st_mode) == 0o666 & ~mask
    assert os.umask(mask) == mask  # and the process keeps its own


class Touch:
    """A pickle that would make a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


def test_files_that_are_no_checkpoints(tmp_path: Path) -> None:
    whole = tmp_path / "whole.ckpt"
    DurableCheckpointIO().save_checkpoint(CHECKPOINT, whole)
    bad = {
        "empty": b"",
        "cut": whole.read_bytes()[:-200],
        "page": b"<!DOCTYPE html><title>404</title>",
        "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
        "pickle": pickle.dumps({"state_dict": {}, "x": Touch(tmp_path / "executed")}),
    }
    for name, content in bad.items():
        path = tmp_path / f"{name}.ckpt"
        path.write_bytes(content)
        with pytest.raises(UserError, match=f"{name}.ckpt: is damaged or no checkpoint") as caught:
            DurableCheckpointIO().load_checkpoint(path)
        assert "\n" not in str(caught.value)
        assert "weights_only" not in str(caught.value)
    for name, value in {"list": [1, 2], "weights": {"w": torch.ones(2)}, "half": {"state_dict": {}}}.items():
        path = tmp_path / f"{name}.ckpt"
        torch.save(value, path)
        with pytest.raises(UserError, match="no checkpoint of a training run"):
            DurableCheckpointIO().load_checkpoint(path)
    torch.save({**CHECKPOINT, "x": Touch(tmp_path / "executed")}, tmp_path / "evil.ckpt")
    with pytest.raises(UserError, match="damaged or no checkpoint"):
        DurableCheckpointIO().load_checkpoint(tmp_path / "evil.ckpt")
    assert not (tmp_path / "executed").exists()
    with pytest.raises(UserError, match="missing"):
        DurableCheckpointIO().load_checkpoint(tmp_path / "none.ckpt")
    with pytest.raises(UserError, match="missing"):
        DurableCheckpointIO().load_checkpoint(tmp_path)


def test_a_trainer_names_the_damaged_file(tmp_path: Path) -> None:
    data = small_lm.stream_data(small_lm.write_text(tmp_path / "a.txt", 480))
    (tmp_path / "last.ckpt").write_bytes(b"PK\x03\x04")
    with pytest.raises(UserError, match=r"last\.ckpt: is damaged"):
        small_lm.trainer().fit(small_lm.task(data), datamodule=data, ckpt_path=tmp_path / "last.ckpt")


@pytest.mark.parametrize("at", ["before the name", "after it"])
def test_killed_around_the_moment_of_renaming(tmp_path: Path, at: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever file stands under the name then, it counts as whole."""
    io, path = DurableCheckpointIO(), tmp_path / "best.ckpt"
    io.save_checkpoint(CHECKPOINT, path)
    replace = os.replace

    def die(source: Any, target: Any) -> None:
        if Path(target) != path:
            replace(source, target)
            return
        if at == "after it":
            replace(source, target)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", die)
    with pytest.raises(KeyboardInterrupt):
        io.save_checkpoint({**CHECKPOINT, "more": 1}, path)
    monkeypatch.undo()
    assert is_whole(path)
    assert ("more" in io.load_checkpoint(path)) == (at == "after it")
    path.write_bytes(path.read_bytes() + b"x")
    assert not is_whole(path)
