"""What must not be published: tokens, keys and the folders of somebody's home."""

from __future__ import annotations

import re
from pathlib import Path

from rnnzoo.errors import UserError

__all__ = ["check_private"]

_PRIVATE = re.compile(
    rb"""
      hf_[A-Za-z0-9]{20,}                             # Hugging Face
    | gh[pousr]_[A-Za-z0-9]{30,} | github_pat_\w{30,} # GitHub
    | sk-[A-Za-z0-9_-]{30,} | AKIA[0-9A-Z]{16}        # OpenAI and others, AWS
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----
    | /(?:home|Users|root)/[\w.-]+ | [A-Za-z]:\\+Users\\+\w
    """,
    re.VERBOSE,
)


def check_private(folder: Path, shown: Path | None = None) -> None:
    """Looks through every byte of the files in `folder`, those of images and weights too; errors name `shown`.

    Raises:
        UserError: one has what looks like a token or a path of a home folder, or has this user's own in it.
    """
    from huggingface_hub import get_token

    mine = [str(Path.home()).encode()] if len(Path.home().parts) > 1 else []
    mine += [token.encode()] if (token := get_token()) else []
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        data = path.read_bytes()
        found = _PRIVATE.search(data)
        start = found[0] if found else next((own for own in mine if own in data), None)
        if start is not None:
            begins = start[:6].decode("ascii", "replace")
            raise UserError(
                f"holds what looks like a token or a private path ({begins}...)", path=(shown or folder) / path.name
            )
