"""Exported models without PyTorch; see `rnnzoo_runtime.runtime`."""

from __future__ import annotations

from .runtime import *  # noqa: F403
from .runtime import __all__ as __all__
from .version import __version__ as __version__
