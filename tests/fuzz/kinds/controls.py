"""Commands that fail on purpose, in each way that there is: the harness has to see every one."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable

from fuzz.case import Case, kind


def _fails() -> None:
    raise KeyError("a bug")


def _half_made() -> None:
    from rnnzoo.errors import UserError

    os.mkdir("left")
    raise UserError("no")


def _noisy() -> None:
    print("one line\nand another", file=sys.stderr)
    sys.exit(2)


def _said_twice() -> None:
    print("Traceback (most recent call last):\nKeyError: 'a bug'", file=sys.stderr)
    sys.exit(1)


def _takes() -> None:
    time.sleep(0.2)
    print(len(b"x" * (400 << 20)))  # written to, so that it is really taken


def _refuses() -> None:
    from rnnzoo.errors import UserError

    raise UserError("no such file", path="x")


def _waits() -> None:
    time.sleep(1000)


def _computes() -> None:
    while True:
        pass


CONTROLS: list[tuple[str, Callable[[], object]]] = [
    ("traceback", _fails),
    ("internal", lambda: sys.exit(70)),
    ("internal", _said_twice),
    ("half-made", _half_made),
    ("noisy", _noisy),
    ("noisy", lambda: sys.exit(4)),
    ("executed", lambda: os.system("touch $RNNZOO_TRACE")),
    ("executed", lambda: open(os.environ["RNNZOO_TRACE"], "w").close()),
    ("killed", lambda: os.kill(os.getpid(), signal.SIGKILL)),
    ("memory", _takes),
    ("hang", _waits),
    ("hang", _computes),
    ("refused", _refuses),
    ("ok", lambda: None),
]


@kind("controls", 0)
def controls(case: Case) -> None:
    """The one of the seed's number."""
    case.call = CONTROLS[case.seed % len(CONTROLS)][1]
