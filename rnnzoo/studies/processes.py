"""Trainings in processes of their own, some at a time, and their end when we are told to end."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import IO, TypeVar

import torch

__all__ = ["Children", "Shares", "at_once", "ended_by_signals", "environment"]

T = TypeVar("T")
R = TypeVar("R")

TERMINATED = 143
"""The exit code after SIGTERM, as shells have it."""


VISIBLE = "CUDA_VISIBLE_DEVICES"
"""The variable in which a process finds the GPUs that it may use."""


def environment(threads: int, gpus: str | None = None) -> dict[str, str]:
    """That of a process which computes with so many threads, on these GPUs; None leaves it all of ours."""
    visible = {} if gpus is None else {VISIBLE: gpus}
    return {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads), **visible}


class Shares:
    """The GPUs of this machine, dealt out to trainings that run at the same time: else all would take the first.

    Each has as many as the others; where there are more trainings than GPUs, some have one in common.

    Args:
        jobs: trainings at a time. gpus: what the GPUs are called; those that we may use when left out.
    """

    def __init__(self, jobs: int, gpus: Sequence[str] | None = None) -> None:
        known = _visible() if gpus is None else gpus
        self._free: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        each = max(1, len(known) // jobs)
        for job in range(jobs):
            first = job * each % max(1, len(known))
            self._free.put(",".join(known[first : first + each]) if jobs > 1 and known else None)

    @contextlib.contextmanager
    def one(self) -> Iterator[str | None]:
        """A share that nobody else has meanwhile; None where there is nothing to deal out."""
        share = self._free.get()
        try:
            yield share
        finally:
            self._free.put(share)


def _visible() -> list[str]:
    said = os.environ.get(VISIBLE)
    count = torch.cuda.device_count()  # of those that are visible; nothing is begun on any of them
    return said.split(",")[:count] if said else [str(number) for number in range(count)]


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
        self, words: Sequence[str], *, threads: int, errors: IO[str], held: Sequence[int] = (), gpus: str | None = None
    ) -> tuple[int, str]:
        """Runs Python with these arguments.

        Args:
            words: the arguments. threads: as in `environment`. errors: where standard error goes.
            held: open files that it has, too. gpus: as in `environment`.

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
                env=environment(threads, gpus),
                pass_fds=held if os.name == "posix" else (),
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
                        if os.name == "posix":
                            os.killpg(child.pid, signal.SIGTERM)
                        else:
                            child.terminate()
