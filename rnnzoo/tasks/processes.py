"""Trainings in processes of their own, some at a time, and their end when we are told to end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import IO, TypeVar

__all__ = ["Children", "at_once", "ended_by_signals", "environment"]

T = TypeVar("T")
R = TypeVar("R")

TERMINATED = 143
"""The exit code after SIGTERM, as shells have it."""


def environment(threads: int) -> dict[str, str]:
    """That of a process which computes with so many threads."""
    return {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}


def at_once(work: Callable[[T], R], items: Iterable[T], jobs: int, stop: Callable[[], None]) -> list[R]:
    """`work` on each item, on `jobs` of them at a time; in the items' order.

    Args:
        work: called in a thread. items: what it is called with. jobs: how many threads.
        stop: called when we are interrupted, before the threads under way are waited for; no other one begins.
    """
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        try:
            return list(pool.map(work, items))
        except BaseException:
            stop()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Within it what would kill this process raises `SystemExit`, as Ctrl-C raises `KeyboardInterrupt`."""

    def end(number: int, frame: FrameType | None) -> None:
        raise SystemExit(TERMINATED)

    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGUSR1") if hasattr(signal, name)]
    if threading.current_thread() is not threading.main_thread():
        numbers = []
    ours = [number for number in numbers if signal.getsignal(number) == signal.SIG_DFL]  # `nohup` has its own
    for number in ours:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


class Children:
    """Processes that hear of no signal but from us: Ctrl-C at a terminal comes to us alone.

    Attributes:
        stopped: set when they were told to end; no other one begins then.
    """

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()

    def python(
        self, words: Sequence[str], *, threads: int, errors: IO[str], held: Sequence[int] = ()
    ) -> tuple[int, str]:
        """Runs Python with these arguments.

        Args:
            words: the arguments. threads: as in `environment`. errors: where standard error goes.
            held: open files that it has, too.

        Returns:
            The exit code, negative after a signal, and what it wrote to standard output.
        """
        with self._lock:
            if self.stopped.is_set():
                return -signal.SIGTERM, ""
            child = subprocess.Popen(
                [sys.executable, *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=environment(threads),
                pass_fds=held,
                start_new_session=True,
            )
            self._running.add(child)
        out, _ = child.communicate()
        with self._lock:
            self._running.discard(child)
        return child.returncode, out

    def stop(self) -> None:
        """Tells all of them to end, with their own children; a training saves where it stands."""
        with self._lock:
            self.stopped.set()
            for child in self._running:
                if child.poll() is None:  # else its number may be somebody else's by now
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(child.pid, signal.SIGTERM)
