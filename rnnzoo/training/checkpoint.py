"""Checkpoints that a crash cannot damage, and that nothing is executed from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO

from rnnzoo.errors import UserError
from rnnzoo.files import write_durably

__all__ = ["DurableCheckpointIO"]


class DurableCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint under its name only when all of it is on the disk.

    Lightning stages in the temporary folder, which may be another file system, and does not wait for the disk: a
    process killed in between leaves a truncated file under the final name.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Saves `checkpoint` to the file `path`."""
        write_durably(Path(path), lambda file: torch.save(checkpoint, file))

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        """Loads tensors and plain values, and nothing else.

        Raises:
            UserError: the file is missing, damaged or no checkpoint.
        """
        if not Path(path).is_file():
            raise UserError("this checkpoint is missing", path=path)
        try:
            checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises half a dozen kinds, none of which says what is wrong
            message = f"is damaged or no checkpoint ({type(error).__name__}): remove it to go on from an older one"
            raise UserError(message, path=path) from error
        if not isinstance(checkpoint, dict) or not {"state_dict", "pytorch-lightning_version"} <= checkpoint.keys():
            raise UserError("is no checkpoint of a training run", path=path)
        return checkpoint
