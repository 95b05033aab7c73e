"""Texts that are written at the same time, as one batch: each joins and leaves it between two stretches."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from rnnzoo.runtime import LanguageModel, Session, generate_together
from rnnzoo.runtime.sampling import SamplingConfig
from rnnzoo.runtime.stop import StopScanner

__all__ = ["Batches", "Job"]


@dataclass(eq=False)
class Job:
    """One text that is being written.

    Attributes:
        session: moves on with it. left: tokens that it may still have. sampling, scanner: how it is drawn and ends.
        pieces: its text, as it comes; None at its end, or the error that ended it.
    """

    session: Session
    left: int
    sampling: SamplingConfig
    scanner: StopScanner
    pieces: asyncio.Queue[str | Exception | None] = field(default_factory=asyncio.Queue)
    cancelled: bool = False


class Batches:
    """Writes all texts of one model, in a thread of its own.

    Args:
        model: exported. stretch: tokens between two looks at who comes and who goes.
    """

    def __init__(self, model: LanguageModel, stretch: int = 16) -> None:
        self.model, self.stretch = model, stretch
        self._waiting: list[Job] = []
        self._thread = ThreadPoolExecutor(1)
        self._task: asyncio.Task[None] | None = None
        self.steps = 0

    def add(self, job: Job) -> None:
        """From the next stretch on `job` is written, too."""
        self._waiting.append(job)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def call(self, function: Any, *words: Any) -> Any:
        """Something else that the model has to do, between two stretches."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *words)

    async def _run(self) -> None:
        running: list[Job] = []
        while running or self._waiting:
            running += self._waiting
            self._waiting = []
            running = [job for job in running if not job.cancelled]
            if not running:
                continue
            try:
                texts = await self.call(self._write, running)
            except Exception as error:  # of the model's: every text that it was writing ends with it
                for job in running:
                    job.pieces.put_nowait(error)
                running = []
                continue
            for job, text in zip(running, texts, strict=True):
                piece = job.scanner.feed(text)
                ended = job.scanner.stopped or job.left == 0
                if ended:
                    piece += job.scanner.flush()
                if piece:
                    job.pieces.put_nowait(piece)
                if ended:
                    job.pieces.put_nowait(None)
            running = [job for job in running if job.left and not job.scanner.stopped]

    def _write(self, jobs: list[Job]) -> list[str]:
        counts = [min(self.stretch, job.left) for job in jobs]
        texts = generate_together([job.session for job in jobs], counts, [job.sampling for job in jobs])
        for job, count in zip(jobs, counts, strict=True):
            job.left -= count
            self.steps += count
        return texts
