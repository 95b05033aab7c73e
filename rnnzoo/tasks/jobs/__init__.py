"""Trainings by recipe, one kind a task."""

from typing import Any

from rnnzoo.tasks.jobs.base import Job
from rnnzoo.tasks.jobs.language_model import FACES, LanguageModelJob
from rnnzoo.tasks.jobs.translator import TranslatorJob

__all__ = ["FACES", "JOBS", "Job", "LanguageModelJob", "TranslatorJob"]

JOBS: dict[str, type[Any]] = {
    "char_lm": LanguageModelJob,
    "word_lm": LanguageModelJob,
    "translator": TranslatorJob,
}
"""By task."""
