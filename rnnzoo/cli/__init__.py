"""The `rnnzoo` command. A subcommand's heavy imports wait until it runs."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import warnings
from collections.abc import Sequence

from rnnzoo.cli.boundary import report
from rnnzoo.cli.options import Parser
from rnnzoo.errors import UserError
from rnnzoo.version import __version__

__all__ = ["main"]

COMMANDS = (
    *("quickstart", "train", "test", "score", "generate", "translate", "classify", "compare", "sweep"),
    *("recipes", "runs", "data", "list", "show", "download", "entry", "verify", "push", "export", "see", "serve"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        argv: the words after ``rnnzoo``; those of the process when left out.

    Returns:
        The exit code: 0; 1 when a check failed; 2 for what the user can put right; 3 when training diverged; 130 after
        Ctrl-C; 70 for a fault of rnnzoo's own.
    """
    warnings.formatwarning = _plainly
    with contextlib.suppress(AttributeError, ValueError, OSError):  # names of files that are no UTF-8 are printed too
        sys.stdout.reconfigure(errors="surrogateescape")  # type: ignore[union-attr]
    words = [_dashed(word) for word in (sys.argv[1:] if argv is None else argv)]
    parser = Parser(
        prog="rnnzoo",
        description="Recurrent networks that you can train, pull and re-measure.",
        epilog="`rnnzoo COMMAND --help` says more. Begin with `rnnzoo quickstart`.",
    )
    parser.add_argument("--version", action="version", version=f"rnnzoo {__version__}")
    subparsers = parser.add_subparsers(metavar="COMMAND", title="commands")
    for name in COMMANDS:
        importlib.import_module(f"rnnzoo.cli.{name}").register(subparsers)
    try:
        args, rest = parser.parse_known_args(words)
        if not hasattr(args, "run"):
            parser.print_help()
            return 0
        if rest and not getattr(args, "takes_settings", False):
            raise UserError(f"unrecognized arguments: {' '.join(rest)}")
        args.settings = rest
        for place in getattr(args, "imports", ()):
            from rnnzoo.cells import import_cells

            import_cells(place)
        code: int = args.run(args)
        return code
    except KeyboardInterrupt:
        print("rnnzoo: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader has gone (`| head`): a second failure, when Python flushes at exit, is headed off.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:
        return report(error)


def _plainly(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    """A warning of our own is for the user, and in one line."""
    if category.__module__.startswith("rnnzoo."):
        return f"rnnzoo: {message}\n"
    return _format(message, category, filename, lineno, line)


_format = warnings.formatwarning


def _dashed(word: str) -> str:
    """``--max_new_tokens`` as ``--max-new-tokens``; dotted names keep their underscores, values are left alone."""
    if not word.startswith("--") or "." in word.partition("=")[0]:
        return word
    name, equals, value = word.partition("=")
    return name.replace("_", "-") + equals + value
