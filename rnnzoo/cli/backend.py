"""``--backend``, which every command has that decodes."""

from __future__ import annotations

import argparse

__all__ = ["add_backend", "backend_of"]


def add_backend(parser: argparse.ArgumentParser) -> None:
    """Adds the option."""
    parser.add_argument(
        "--backend",
        default="auto",
        metavar="NAME",
        help="what the steps run on: auto, plain (the model as it was trained), torch (prepared weights), ... (auto)",
    )


def backend_of(args: argparse.Namespace) -> str:
    """Its value.

    Raises:
        UserError: there is no such backend; the message names those that there are.
    """
    from rnnzoo.inference import plans

    return plans.known(args.backend)
