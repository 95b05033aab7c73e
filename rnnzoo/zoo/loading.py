"""From a model's name to the model."""

from __future__ import annotations

import os
from typing import TypeVar, overload

import torch
from torch import nn

from rnnzoo.errors import UserError
from rnnzoo.zoo.finding import find_model
from rnnzoo.zoo.folder import load_folder
from rnnzoo.zoo.kinds import Model, require

__all__ = ["load"]

M = TypeVar("M", bound=nn.Module)


@overload
def load(
    model: str | os.PathLike[str],
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | str | None = None,
    revision: str | None = None,
    token: str | bool | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    local_files_only: bool = False,
) -> Model: ...


@overload
def load(
    model: str | os.PathLike[str],
    *,
    kind: type[M],
    device: torch.device | str = "cpu",
    dtype: torch.dtype | str | None = None,
    revision: str | None = None,
    token: str | bool | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    local_files_only: bool = False,
) -> M: ...


def load(
    model: str | os.PathLike[str],
    *,
    kind: type[nn.Module] | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | str | None = None,
    revision: str | None = None,
    token: str | bool | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    local_files_only: bool = False,
) -> nn.Module:
    """The plain model called `model`, in evaluation mode, tied weights tied. Every file is hashed before it is used.

    Args:
        model: a name of the zoo, which is looked for in the package, in the cache, on the hub; a folder (a path with a
            separator, or one that begins with a dot): a zoo entry, a finished run, or ``runs/RECIPE`` for the last
            finished run of that recipe; or a hub repository, ``org/name`` or ``org/name@revision``, which ``hub:`` in
            front distinguishes from a folder of that name.
        kind: the class that the model has to be of, `LanguageModel` or `Seq2Seq`; either when left out. Type checkers
            then know which it is.
        device: where its weights go. dtype: what they become, such as ``torch.bfloat16`` or ``"bfloat16"``.
        revision: a branch, tag or commit of the repository. token: for a private one.
        cache_dir: instead of huggingface_hub's cache. local_files_only: asks no server, as HF_HUB_OFFLINE=1 does.

    Raises:
        UserError: there is no such model, a file of it is missing or damaged, or it is not the one that this version
            of rnnzoo vouches for under that name, or it is of another kind.
    """
    if isinstance(dtype, str):
        found = getattr(torch, dtype, None)
        if not isinstance(found, torch.dtype) or not found.is_floating_point:
            raise UserError(f"unknown dtype {dtype!r} (float32, float16, bfloat16, float64)")
        dtype = found
    folder = find_model(model, revision=revision, token=token, cache_dir=cache_dir, local_files_only=local_files_only)
    loaded: nn.Module = load_folder(folder, device)
    if kind is not None:
        loaded = require(loaded, kind, os.fspath(model))
    return loaded if dtype is None else loaded.to(dtype)
