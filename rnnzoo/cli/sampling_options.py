"""The options that say how a token is drawn: one for each field of `SamplingConfig`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from rnnzoo.cli.options import fraction, whole

__all__ = ["SAMPLING", "add_sampling", "given_sampling"]

SAMPLING: dict[str, tuple[Callable[[str], Any], str, str]] = {
    "temperature": (fraction("0 <= x <= 1e6"), "T", "below 1 plainer, above 1 wilder, 0 greedy"),
    "top_k": (whole("0 <= x <= 1e9"), "K", "only the K most probable tokens"),
    "top_p": (fraction("0 <= x <= 1"), "P", "only the most probable tokens that together hold P"),
    "min_p": (fraction("0 <= x <= 1"), "P", "only tokens at least P times as probable as the first"),
}
"""Field to the type of its option, what stands for its value, and what it does. Written out, since the config itself
would have `--help` wait for NumPy; a test holds the two together."""


def add_sampling(parser: argparse.ArgumentParser, of: str = "", temperature: float = 1.0) -> None:
    """Adds the options; what is not given is None.

    Args:
        of: what stands before each help, such as ``"of --sample: "``. temperature: what is said to be the usual one.
    """
    for name, (kind, metavar, what) in SAMPLING.items():
        usual = f" ({temperature:g})" if name == "temperature" else ""
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, metavar=metavar, help=f"{of}{what}{usual}")


def given_sampling(args: argparse.Namespace) -> dict[str, Any]:
    """The fields that the user gave."""
    return {name: value for name in SAMPLING if (value := getattr(args, name)) is not None}
