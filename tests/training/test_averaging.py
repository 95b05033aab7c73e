from __future__ import annotations

import pytest
import torch

from rnnzoo.errors import UserError
from rnnzoo.training import DurableCheckpointIO, average_state_dicts


def save(path, **weights: torch.Tensor) -> str:
    DurableCheckpointIO().save_checkpoint({"state_dict": weights, "pytorch-lightning_version": "2.6.0"}, path)
    return str(path)


def test_the_mean_of_the_weights(tmp_path):
    values = [(1, 1e8), (3, 1.0), (8, -1e8)]
    paths = [
        save(tmp_path / f"{i}.ckpt", w=torch.full((2, 3), value), half=torch.ones(2).half() * i, n=torch.tensor(i))
        for i, value in values
    ]
    averaged = average_state_dicts(paths)
    assert averaged["w"].dtype == torch.float32
    assert torch.equal(averaged["w"], torch.full((2, 3), 1 / 3))  # a float32 sum would lose it
    assert torch.equal(averaged["half"], torch.full((2,), 4.0).half())
    assert averaged["n"] == 8
    assert list(averaged) == ["w", "half", "n"]
    assert torch.equal(average_state_dicts(paths[1:2])["w"], torch.ones(2, 3))


def test_what_cannot_be_averaged(tmp_path):
    first = save(tmp_path / "a.ckpt", w=torch.ones(2))
    with pytest.raises(UserError, match="there are no checkpoints"):
        average_state_dicts([])
    with pytest.raises(UserError, match=r"none\.ckpt: this checkpoint is missing"):
        average_state_dicts([first, tmp_path / "none.ckpt"])
    for other in ({"w": torch.ones(3)}, {"v": torch.ones(2)}, {"w": torch.ones(2), "v": torch.ones(2)}):
        with pytest.raises(UserError, match=r"b\.ckpt: is of another model than .*a\.ckpt"):
            average_state_dicts([first, save(tmp_path / "b.ckpt", **other)])
