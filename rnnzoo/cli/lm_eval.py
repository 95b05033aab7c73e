"""``rnnzoo-lm-eval``: the command of lm-evaluation-harness, which then knows the model type ``rnnzoo``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.util import find_spec

from rnnzoo.cli.boundary import report
from rnnzoo.errors import UserError

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the harness's own command; its tasks of rnnzoo are found where no ``--include_path`` names others.

    Args:
        argv: the harness's words, such as ``--model rnnzoo --model_args pretrained=NAME --tasks blimp``; those of the
            process when left out.

    Returns:
        The exit code.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        if find_spec("lm_eval") is None:
            raise UserError("this needs lm-evaluation-harness: pip install 'rnnzoo[eval]'")
        from lm_eval._cli import HarnessCLI
        from lm_eval.utils import setup_logging

        from rnnzoo.integrations.lm_eval import TASKS

        asks = not words or words[0] in ("-h", "--help")
        if not asks and not any(word.startswith("--include_path") for word in words):
            words += ["--include_path", str(TASKS)]
        setup_logging()
        before, sys.argv = sys.argv, ["rnnzoo-lm-eval", *words]  # what the harness's own parser reads
        try:
            harness = HarnessCLI()
            harness.execute(harness.parse_args())
        finally:
            sys.argv = before
        return 0
    except Exception as error:
        return report(error)
