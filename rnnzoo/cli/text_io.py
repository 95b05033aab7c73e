"""Reading text that the user names, and writing text that a model made up."""

from __future__ import annotations

import argparse
import io
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, TextIO

from rnnzoo.destinations import check_file_destination
from rnnzoo.errors import UserError
from rnnzoo.files import write_durably

if TYPE_CHECKING:
    from torch import nn

    from rnnzoo.data.plain_text import TextForm
    from rnnzoo.text import Tokenizer

__all__ = [
    "add_form",
    "check_output",
    "choose_device",
    "form_of",
    "known_text",
    "notice",
    "quietly",
    "read_text",
    "unescaped",
    "write",
    "write_table",
]


def add_form(parser: argparse._ActionsContainer) -> None:
    """Adds ``--encoding`` and ``--newlines``, which every command has that reads text."""
    parser.add_argument(
        "--encoding",
        default="auto",
        metavar="NAME",
        help="of text: auto (UTF-8, or what a byte order mark says), latin-1, cp1252, utf-16, shift_jis, ... (auto)",
    )
    parser.add_argument(
        "--newlines",
        choices=["universal", "keep"],
        default="universal",
        help="universal: \\r\\n and \\r are read as \\n; keep: they stay (universal)",
    )


def form_of(args: argparse.Namespace) -> TextForm:
    """What they say.

    Raises:
        UserError: there is no such encoding.
    """
    from rnnzoo.data.plain_text import TextForm

    try:
        return TextForm(args.encoding, args.newlines)
    except ValueError as error:
        raise UserError(f"--{error}") from None


def read_text(path: str, form: TextForm) -> str:
    """The text of a file, or of standard input for ``-``; a byte order mark is not part of it.

    Raises:
        UserError: it cannot be read, is empty, or is not of its encoding.
    """
    from rnnzoo.data import plain_text

    return plain_text.read_text(path, form)


def unescaped(text: str) -> str:
    r"""Words of the command line, in which ``\n``, ``\t``, ``\r`` and ``\\`` stand for what they mean elsewhere."""
    known = {"\\n": "\n", "\\t": "\t", "\\r": "\r", "\\\\": "\\"}
    return re.sub(r"\\[ntr\\]", lambda match: known[match[0]], text)


def write(text: str, file: TextIO | None = None) -> None:
    """Writes `text` at once; ``?`` stands for what the file's encoding does not have."""
    file = file or sys.stdout
    encoding = file.encoding or "utf-8"
    file.write(text.encode(encoding, "replace").decode(encoding))
    file.flush()


def notice(text: str) -> None:
    """One line on standard error."""
    write(f"rnnzoo: {' '.join(text.split())}\n", sys.stderr)


def quietly(action: Callable[[], None]) -> int:
    """Runs `action` and returns the exit code: a reader that left and Ctrl-C end it without a traceback."""
    try:
        action()
    except BrokenPipeError:  # the reader has seen enough; what the interpreter still wants to flush goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        write("\n", sys.stderr)
        return 130
    return 0


def choose_device(model: nn.Module, name: str) -> None:
    """Moves `model` to the device called `name`.

    Raises:
        UserError: there is no such device.
    """
    import torch

    try:
        device = torch.device(name)
    except RuntimeError:
        raise UserError(f"unknown device {name!r} (cpu, cuda, cuda:1, mps, ...)") from None
    try:
        model.to(device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise UserError(f"no device {name!r} here: {str(error).splitlines()[0]}") from None


def known_text(tokenizer: Tokenizer, text: str, unknown: Literal["error", "drop"]) -> str:
    """`text` as the vocabulary can say it; with ``"drop"``, a notice names what is left out: characters or words.

    Unknown words are an error for no word model: it reads them as ``<unk>``.

    Raises:
        UserError: characters that the vocabulary does not have, with ``"error"``.
    """
    from rnnzoo.text.char import describe
    from rnnzoo.text.reading import left_out

    if unknown == "error":
        try:
            tokenizer.encode(text)
        except UserError as error:
            raise UserError(f"{error} (--unknown drop)") from None
        return text
    dropped = left_out(tokenizer, text)
    if not dropped:
        return text
    notice(f"left out, because the model does not know them: {describe(dropped)}")
    return tokenizer.decode(tokenizer.encode(text, unknown="drop"))


def check_output(path: str) -> None:
    """Refuses an output that cannot be written, before the work: a file's folder is looked at, a pipe or device is not.

    Raises:
        UserError: with the reason.
    """
    place = Path(path)
    if path != "-" and (place.is_dir() or place.is_file() or not place.exists()):
        check_file_destination(place.resolve())


def write_table(fill: Callable[[IO[str]], None], path: str) -> None:
    """Hands `fill` the file `path` to write to, or standard output for ``-``.

    A file gets its name when it is whole, so that an older one is lost to no full disk.

    Raises:
        UserError: the file cannot be written.
    """
    if path == "-":
        lines = io.StringIO()
        fill(lines)
        write(lines.getvalue())
        return
    form: dict[str, Any] = {"encoding": "utf-8", "errors": "backslashreplace", "newline": "\n"}

    def whole(file: IO[bytes]) -> None:
        text = io.TextIOWrapper(file, **form)
        fill(text)
        text.detach()

    place = Path(path)  # not yet resolved: /dev/fd/63 leads to no name
    try:
        if place.exists() and not place.is_file():  # a pipe, a device; one that nobody reads is not waited for
            descriptor = os.open(path, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0))
            os.set_blocking(descriptor, True)
            with open(descriptor, "w", **form) as file:
                fill(file)
        else:
            write_durably(place.resolve(), whole)  # a link stays one
    except OSError as error:
        raise UserError(f"cannot be written ({error.strerror})", path=path) from None
