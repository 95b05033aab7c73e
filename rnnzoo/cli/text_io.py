"""Reading text that the user names, and writing text that a model made up."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from rnnzoo.errors import UserError

if TYPE_CHECKING:
    import torch
    from torch import nn

    from rnnzoo.text import Tokenizer

__all__ = ["choose_device", "describe_left_out", "notice", "quietly", "read_text", "write"]


def read_text(path: str) -> str:
    """The text of a UTF-8 file, or of standard input for ``-``; line ends are kept, a byte order mark is not.

    Raises:
        UserError: it cannot be read, or is not UTF-8.
    """
    name = "standard input" if path == "-" else path
    try:
        if path == "-":
            data = sys.stdin.buffer.read()
        else:
            with open(path, "rb") as file:
                data = file.read()
        return data.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except FileNotFoundError:
        raise UserError("is missing", path=name) from None
    except OSError as error:
        raise UserError(f"cannot be read ({error.strerror})", path=name) from None
    except UnicodeDecodeError as error:
        at = error.start + 3 * data.startswith(b"\xef\xbb\xbf")
        raise UserError("is not UTF-8 text", path=name, position=f"byte {at}") from None


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


def choose_device(model: nn.Module, name: str | None) -> torch.device:
    """Moves `model` to the device called `name`; None is a GPU if there is one.

    Raises:
        UserError: there is no such device.
    """
    import torch

    name = name or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        model.to(device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0].split(". ")[0]
        raise UserError(f"no device {name!r} here: {reason}") from None
    return device


def describe_left_out(tokenizer: Tokenizer, text: str) -> str:
    """The characters of `text` that the vocabulary does not have, in words; empty if it has all."""
    from rnnzoo.models.reading import left_out
    from rnnzoo.text.char import describe

    characters = left_out(tokenizer, text)
    return describe(characters) if characters else ""
