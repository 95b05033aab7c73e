"""Plans to decode with: a model's weights, prepared once for many steps.

::

    plan = prepare(model)                          # a snapshot: made anew after further training
    state = plan.initial_state(3)
    logits, state = plan.step(tokens, state)       # tokens (3,)

`LanguageModel.generate`, sessions and translation do this themselves, through `plan_of`, which makes a plan anew
when the weights have changed.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, overload
from weakref import WeakKeyDictionary

import torch

from rnnzoo.decoding.plan import Plan, TranslatorPlan
from rnnzoo.errors import UserError
from rnnzoo.inference.eval_mode import device_of
from rnnzoo.networks import LanguageNet, Network, Seq2SeqNet

__all__ = ["AUTO", "BACKENDS", "known", "plan_of", "prepare"]

AUTO = "auto"
BACKENDS: dict[str, str] = {
    "plain": "rnnzoo.inference.plans.plain:prepare",
    "torch": "rnnzoo.inference.plans.prepared:prepare",
    "onnx": "rnnzoo.inference.plans.onnx:prepare",
    "onnx-int8": "rnnzoo.inference.plans.onnx:prepare_int8",
    "cuda-graph": "rnnzoo.inference.plans.captured:prepare",
}
"""What a plan runs on, each the place of a function (model) -> plan, which is imported when it is asked for.

``plain``: the model as it was trained. ``torch``: the same code over prepared weights, by far the faster on a CPU.
``onnx``: the step as a graph in ONNX Runtime. ``onnx-int8``: with weights of 8 bits, whose numbers differ a little.
``cuda-graph``: on a GPU, the step recorded once and replayed.
"""


@overload
def prepare(model: LanguageNet, backend: str = ...) -> Plan: ...
@overload
def prepare(model: Seq2SeqNet, backend: str = ...) -> TranslatorPlan: ...
def prepare(model: Network, backend: str = AUTO) -> Any:
    """A plan of `model` as it is now, without dropout; the model itself is left as it is.

    Args:
        model: a language model or a translator.
        backend: one of `BACKENDS`, or ``"auto"``: what is fastest of those that give the model's own numbers.

    Raises:
        UserError: there is no such backend, or it needs a package that is missing.
    """
    module, _, name = BACKENDS[_chosen(model) if backend == AUTO else known(backend)].partition(":")
    make: Callable[[Network], Any] = getattr(importlib.import_module(module), name)
    return make(model)


def known(backend: str) -> str:
    """`backend`, if there is one of that name.

    Raises:
        UserError: there is none.
    """
    if backend not in (AUTO, *BACKENDS):
        raise UserError(f"backend must be one of {', '.join((AUTO, *BACKENDS))}, not {backend}")
    return backend


@overload
def plan_of(model: LanguageNet, backend: str = ...) -> Plan: ...
@overload
def plan_of(model: Seq2SeqNet, backend: str = ...) -> TranslatorPlan: ...
def plan_of(model: Network, backend: str = AUTO) -> Any:
    """`prepare`, once for as long as the model's weights stay what they are."""
    plans, now = _plans.setdefault(model, {}), _fingerprint(model)
    found = plans.get(backend)
    if found is None or found[0] != now:
        plans[backend] = found = (now, prepare(model, backend))  # type: ignore[call-overload]
    return found[1]


_plans: WeakKeyDictionary[Network, dict[str, tuple[Any, Any]]] = WeakKeyDictionary()


def _chosen(model: Network) -> str:
    """On a CPU prepared weights; elsewhere the libraries have nothing that they would be prepared for."""
    return "torch" if isinstance(model, LanguageNet | Seq2SeqNet) and device_of(model).type == "cpu" else "plain"


@torch.no_grad()
def _fingerprint(model: Network) -> tuple[Any, ...]:
    """Differs when the config or the weights do: where each lies, how often it was changed in place, and its sum.

    The sums find what the counts miss, changes through `.data`; they cost a small part of what reading a prompt does.
    """
    tensors = [*model.parameters(), *model.buffers()]
    sums = [tensor.sum(dtype=torch.float32).item() for tensor in tensors]
    versions = [0 if tensor.is_inference() else tensor._version for tensor in tensors]
    places = [tensor.data_ptr() for tensor in tensors]
    return getattr(model, "config", None), *zip(places, versions, sums, strict=True)
