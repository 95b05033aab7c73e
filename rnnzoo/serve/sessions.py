"""Sessions that stay on the server: so many, for so long; the one that was idle longest goes first."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict

from rnnzoo.runtime import Session

__all__ = ["Sessions"]


class Sessions:
    """Sessions by an id that nobody guesses.

    Args:
        most: how many are kept. age: seconds without a request after which one is forgotten.
    """

    def __init__(self, most: int, age: float) -> None:
        self._most, self._age = most, age
        self._kept: OrderedDict[str, tuple[float, Session]] = OrderedDict()
        self.busy: set[str] = set()

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, session: Session) -> str:
        """Its id."""
        self._forget()
        name = secrets.token_urlsafe(16)
        self._kept[name] = time.monotonic(), session
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return name

    def find(self, name: str) -> Session | None:
        """The session, which is the youngest from now on; None where there is none."""
        self._forget()
        if name not in self._kept:
            return None
        session = self._kept.pop(name)[1]
        self._kept[name] = time.monotonic(), session
        return session

    def drop(self, name: str) -> bool:
        """Whether there was one."""
        return self._kept.pop(name, None) is not None

    def _forget(self) -> None:
        oldest = time.monotonic() - self._age
        while self._kept and next(iter(self._kept.values()))[0] < oldest:
            self._kept.popitem(last=False)
