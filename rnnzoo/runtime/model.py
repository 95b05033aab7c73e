"""From a folder or file to a model."""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

from ..errors import UserError
from ..text import Tokenizer, tokenizer_from_dict
from .bundle import Bundle
from .graph import Graphs

__all__ = ["Model"]


class Model(ABC):
    """An exported model.

    Attributes:
        meta: what ``meta.json`` says. graphs: its graphs. vocab_size: V. fingerprint: of its weights and vocabulary.
    """

    _kinds: ClassVar[dict[Any, type[Model]]] = {}

    def __init_subclass__(cls, kind: str) -> None:
        super().__init_subclass__()
        Model._kinds[kind] = cls

    def __init__(self, bundle: Bundle, threads: int) -> None:
        self.bundle, self.meta = bundle, bundle.meta
        self.graphs = Graphs(bundle, threads)
        try:
            self.vocab_size = int(self.meta["vocab_size"])
            self.fingerprint = str(self.meta["fingerprint"])
            self._prepare()
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UserError(f"meta.json is not what `rnnzoo export` writes ({error!r})", path=bundle.path) from None

    @abstractmethod
    def _prepare(self) -> None:
        """Reads what is needed of `meta`."""

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, threads: int = 1) -> Self:
        """The model in `path`; no graph is loaded before it is needed.

        Args:
            path: a folder that `rnnzoo export MODEL OUT/` wrote, or OUT.zip.
            threads: that one graph runs on; recurrent steps are small, and more than one seldom pays.

        Raises:
            UserError: there is none, it is damaged, or it is of another kind than `cls`.
        """
        bundle = Bundle(path)
        kind = Model._kinds.get(str(bundle.meta.get("kind")))
        if kind is None:
            raise UserError(f"holds a {bundle.meta.get('kind')!r:.40}, which this version cannot run", path=path)
        if not issubclass(kind, cls):
            raise UserError(f"holds a {bundle.meta['kind'].replace('_', ' ')}", path=path)
        return kind(bundle, threads)

    def _tokenizer(self, file: str) -> Tokenizer:
        where = f"{self.bundle.path}/{file}"
        try:
            return tokenizer_from_dict(json.loads(self.bundle.read(file).decode("utf-8", "surrogatepass")), where)
        except (ValueError, RecursionError) as error:
            raise UserError(f"is not JSON ({error})", path=where) from None
