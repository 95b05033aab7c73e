"""Language models of the zoo in lm-evaluation-harness, as its model type ``rnnzoo``.

::

    import lm_eval
    import rnnzoo.integrations.lm_eval

    lm_eval.simple_evaluate("rnnzoo", model_args="pretrained=char-best.tinyshakespeare", tasks=["blimp"])

The harness looks for no plugins, so something has to import this module before it runs: your program, or the command
``rnnzoo-lm-eval``, which is the harness's own with this module imported.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from lm_eval.api.model import LM
from lm_eval.api.registry import register_model
from lm_eval.models.utils import normalize_gen_kwargs
from tqdm import tqdm

from rnnzoo.errors import UserError
from rnnzoo.inference.scoring.rows import Row, score_rows
from rnnzoo.models import LanguageModel
from rnnzoo.text.reading import start_token
from rnnzoo.zoo import load

__all__ = ["TASKS", "RnnzooLM"]

TASKS = Path(__file__).parent / "lm_eval_tasks"
"""A folder of tasks for ``--include_path``, whose sentences are made on the spot: ``rnnzoo_agreement``."""

_AT_ONCE = 4096  # requests between two steps of the progress bar
_PASSED_ON = ("temperature", "top_k", "top_p", "min_p")


@register_model("rnnzoo")
class RnnzooLM(LM):
    """A language model of the zoo, as the harness asks for one.

    Texts begin where `rnnzoo score` and `rnnzoo generate` let them begin, and get the same numbers and texts. There is
    no longest context: a recurrent state has read all of it.

    Args:
        pretrained: a model as `rnnzoo.load` takes it: a name of the zoo, a folder, or ``org/name``.
        unknown: ``drop`` leaves out characters that the vocabulary does not have, which otherwise are an error.
        device: where it runs; the CPU where there is no GPU.
        dtype: of its weights, such as ``bfloat16``.
        revision: of a repository on the hub.
        seed: for tasks that draw: the n-th text is drawn with seed + n.
        batch_size, max_batch_size: not used; requests of like length are read side by side, as many as memory allows.

    Raises:
        UserError: there is no such model, or it is a translator.
    """

    def __init__(
        self,
        pretrained: str,
        *,
        unknown: Literal["error", "drop"] = "error",
        device: str | None = None,
        dtype: str | None = None,
        revision: str | None = None,
        seed: int = 0,
        batch_size: int | str | None = None,
        max_batch_size: int | None = None,
    ) -> None:
        super().__init__()
        if unknown not in ("error", "drop"):
            raise UserError(f"unknown must be error or drop, not {unknown!r}")
        if device is None or (device.startswith("cuda") and not torch.cuda.is_available()):  # the harness's default
            device = "cpu"
        self.pretrained, self.unknown = pretrained, unknown
        self.model = load(pretrained, kind=LanguageModel, device=device, dtype=dtype, revision=revision)
        self._device, self._seed, self._drawn = torch.device(device), int(seed), 0

    @property
    def tokenizer_name(self) -> str:
        """What the harness tells its caches of prompts apart by."""
        return self.pretrained.replace("/", "__")

    def get_model_info(self) -> dict[str, Any]:
        """What the harness notes beside the results."""
        return {
            "model_num_parameters": self.model.num_parameters,
            "model_dtype": str(next(self.model.parameters()).dtype),
        }

    def loglikelihood(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """ln p(continuation | context) of each request, and whether each of its tokens was the likeliest.

        With what `rnnzoo score` says, that is ln p(context continuation) - ln p(context). Where a tokenizer joins the
        end of the context to the continuation, that token counts as the continuation's.
        """
        rows = [self._row(*request.args) for request in requests]
        found = []
        for request, (nats, likeliest) in zip(requests, self._scored(rows, disable_tqdm), strict=True):
            answer = (-math.fsum(nats), bool(likeliest.all()))
            self.cache_hook.add_partial("loglikelihood", request.args, answer)
            found.append(answer)
        return found

    def loglikelihood_rolling(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[float]:
        """ln p of each text, whole: the nats of `rnnzoo score`."""
        rows = [self._row("", *request.args) for request in requests]
        found = []
        for request, (nats, _) in zip(requests, self._scored(rows, disable_tqdm), strict=True):
            answer = -math.fsum(nats)
            self.cache_hook.add_partial("loglikelihood_rolling", request.args, answer)
            found.append(answer)
        return found

    def generate_until(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[str]:
        """What the model says after each context, up to the first of the task's stop strings.

        Raises:
            UserError: a generation argument that the models here do not have.
        """
        found = []
        for request in tqdm(requests, disable=disable_tqdm, desc="rnnzoo: texts"):
            context, given = request.args
            text = self._text(context, normalize_gen_kwargs(given))
            self.cache_hook.add_partial("generate_until", request.args, text)
            found.append(text)
        return found

    def _row(self, context: str, continuation: str) -> Row:
        tokenizer = self.model.tokenizer
        before = tokenizer.encode(context, unknown=self.unknown)
        whole = tokenizer.encode(context + continuation, unknown=self.unknown)
        shared = min(len(before), len(whole))
        differ = np.flatnonzero(before[:shared] != whole[:shared])
        start = int(differ[0]) if len(differ) else shared
        return Row(np.concatenate([[start_token(tokenizer)], whole.astype(np.int64)]), start + 1)

    def _scored(self, rows: Sequence[Row], quiet: bool) -> Iterable[Any]:
        with tqdm(total=len(rows), disable=quiet, desc="rnnzoo: log-likelihoods") as bar:
            for begin in range(0, len(rows), _AT_ONCE):
                scored = score_rows(self.model, rows[begin : begin + _AT_ONCE])
                bar.update(len(scored))
                yield from scored

    def _text(self, context: str, arguments: dict[str, Any]) -> str:
        if arguments.pop("num_beams", 1) != 1:
            raise UserError("the harness's stop strings do not go with a beam: num_beams is 1")
        stop, limit, draws = arguments.pop("until"), arguments.pop("max_gen_toks"), arguments.pop("do_sample")
        options = {name: arguments.pop(name) for name in _PASSED_ON if name in arguments}
        if arguments:
            raise UserError(f"unknown generation arguments: {', '.join(arguments)} (there are {', '.join(_PASSED_ON)})")
        if not draws:
            options = {"temperature": 0.0}
        self._drawn += bool(draws)
        (text,) = self.model.generate(
            context,
            max_new_tokens=limit,
            stop=[one for one in stop if one] or None,
            unknown=self.unknown,
            seed=self._seed + self._drawn,
            **options,
        )
        return text
