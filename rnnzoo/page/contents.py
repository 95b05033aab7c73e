"""What a page holds of one model: graphs, weights as they are stored, tokenizers, facts, and a text to look at."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import fx

from rnnzoo.decoding import SamplingConfig, draw_sequences, row_generators
from rnnzoo.decoding.without import without
from rnnzoo.errors import UserError
from rnnzoo.inference.graphs.gates import gate_names
from rnnzoo.inference.graphs.trace import Graph
from rnnzoo.inference.plans import plan_of
from rnnzoo.models import LanguageModel, Seq2Seq
from rnnzoo.page.bundle import missing_operators
from rnnzoo.page.graph_json import graph_json
from rnnzoo.shapes import Tensor
from rnnzoo.text import BPETokenizer, ByteTokenizer, CharTokenizer, Tokenizer, WordTokenizer
from rnnzoo.text.reading import start_token
from rnnzoo.zoo import load_folder, model_facts
from rnnzoo.zoo.export import port_json
from rnnzoo.zoo.kinds import Model, kind_of
from rnnzoo.zoo.weights import SCALE, pack, scaled_names, unpack, weights_of

__all__ = ["Json", "model_bytes", "taps_of", "tokenizer_json"]

Json = dict[str, Any]

_SAMPLE = {"char": 1200, "byte": 1200, "word": 300, "bpe": 400}
"""Tokens that a language model writes for its page, by the kind of its tokenizer."""


def model_bytes(name: str, folder: Path, *, int8: bool = False, text: str | None = None) -> bytes:
    """The model in `folder` as ``assets/payload.mjs`` reads it: the length of a JSON text, that, then the weights.

    Args:
        name: what the page calls it.
        folder: an entry, or a finished run.
        int8: matrices in 8 bits, whatever they are stored in.
        text: what the page shows first and ranks units on; what the model itself writes when left out.

    Raises:
        UserError: the model is damaged, has weights that do not fit, or computes what a page cannot.
    """
    model = load_folder(folder)
    stored = load_file(folder / "model.safetensors")
    if int8:
        try:
            stored = pack(weights_of(model), "int8")
            model.load_state_dict(unpack(stored) | _tied(model, stored))
        except ValueError as error:
            raise UserError(str(error), path=folder) from None
    weights = _Weights(model, stored)
    gates = gate_names(model) if isinstance(model, LanguageModel) else []
    graphs = kind_of(model).graphs(model)
    written_graphs = {
        part: graph_json(graph, weights.constant, (lambda g: taps_of(g, gates)) if part == "step" else None)
        for part, graph in graphs.items()
    }
    if missing := set[str]().union(*map(missing_operators, written_graphs.values())):
        raise UserError(
            f"a page cannot run this model: it has no operator {', '.join(sorted(missing))}; an .onnx file takes it",
            path=folder,
        )
    described = {
        "name": name,
        "facts": _facts(name, folder, model),
        "graphs": written_graphs,
        **_described(model, graphs["step"], text),
    }
    described["weights"] = weights.described()
    written = json.dumps(described, ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode()
    written += b" " * (-(len(written) + 4) % 8)
    return struct.pack("<I", len(written)) + written + weights.data()


def taps_of(graph: fx.Graph, gates: list[str | None]) -> Mapping[str, fx.Node]:
    """The values of a step that can be looked at: ``gate.0.f`` a gate, ``attention`` the weights over the source."""
    sigmoids = [node for node in graph.nodes if node.target is torch.ops.aten.sigmoid.default]
    names = gates if len(gates) == len(sigmoids) else [None] * len(sigmoids)
    found = {f"gate.{name}": node for name, node in zip(names, sigmoids, strict=True) if name is not None}
    for node in graph.nodes:
        if node.target is torch.ops.aten._softmax.default and not isinstance(node.meta["val"].shape[-1], int):
            found["attention"] = node
    return found


class _Weights:
    """The tensors that graphs name, each once, in the form in which they are stored."""

    def __init__(self, model: Model, stored: Mapping[str, Tensor]) -> None:
        self.stored, self.used = dict(stored), dict[str, Tensor]()
        places = {tensor.data_ptr(): name for name, tensor in model.state_dict().items() if name in stored}
        self._names = {
            name: name if name in stored else places.get(tensor.data_ptr(), "")
            for name, tensor in model.state_dict().items()
        }

    def constant(self, name: str, value: Tensor) -> str:
        """The name of a graph's constant in the page; what is no weight of the model is kept as it is."""
        known = self._names.get(name.removeprefix("model."), "")
        if known:
            self.used[known] = self.stored[known]
            if known in scaled_names(self.stored):
                self.used[known + SCALE] = self.stored[known + SCALE]
            return known
        for other, held in self.used.items():
            if other.startswith("constant.") and held.dtype == value.dtype and torch.equal(held, value):
                return other
        made = f"constant.{len(self.used)}"
        self.used[made] = value.detach()
        return made

    def described(self) -> list[Json]:
        return [
            {"name": name, "dtype": str(tensor.dtype).removeprefix("torch."), "shape": list(tensor.shape)}
            for name, tensor in self.used.items()
        ]

    def data(self) -> bytes:
        """Each tensor's bytes, from a multiple of 8 on."""
        parts = []
        for tensor in self.used.values():
            flat = torch.view_as_real(tensor) if tensor.is_complex() else tensor
            raw = flat.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes() if flat.numel() else b""
            parts.append(raw + b"\0" * (-len(raw) % 8))
        return b"".join(parts)


def _tied(model: Model, stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state of names that share a stored one's tensor."""
    state, read = model.state_dict(), unpack(stored)
    places = {state[name].data_ptr(): name for name in read}
    return {name: read[places[tensor.data_ptr()]] for name, tensor in state.items() if name not in read}


def _facts(name: str, folder: Path, model: Model) -> Json:
    facts = model_facts(name, folder)
    kept = {key: facts[key] for key in ("task", "cell", "score", "score_name", "corpus")}
    plain = {key: value for key, value in kept.items() if isinstance(value, (str, int)) or _finite(value)}
    return plain | {"parameters": sum(p.numel() for p in model.parameters())}


def _finite(value: Any) -> bool:
    """Whether it is a number that JSON has: a folder's metrics.json may say anything."""
    return isinstance(value, float) and math.isfinite(value)


def _described(model: Model, step: Graph, text: str | None) -> Json:
    if isinstance(model, LanguageModel):
        sample = _written(model) if text is None else text
        return {
            "kind": "language model",
            "tokenizer": tokenizer_json(model.tokenizer),
            "start": start_token(model.tokenizer),
            "unwritten": list(model.tokenizer.unwritten),
            "state": [port_json(port, model) for port in step.inputs if port.name.startswith("state.")],
            "sample": sample.lstrip("\n"),
            "own": text is None,  # what it wrote itself surprises it least
        }
    assert isinstance(model, Seq2Seq)
    return {
        "kind": "translator",
        "tokenizer": tokenizer_json(model.tgt_tokenizer),
        "source": None if model.src_tokenizer == model.tgt_tokenizer else tokenizer_json(model.src_tokenizer),
        "boundary": model.boundary,
        "sourceBoundary": model.src_boundary,
        "unwritten": list(model.tgt_tokenizer.unwritten),
        "characters": model.tgt_tokenizer.kind in ("char", "byte"),
        "reversed": model.config.reverse_source,
        "longest": model.config.max_source,
        "sample": text or "",
    }


def _written(model: LanguageModel) -> str:
    """A text of the model's own, as it has to be typed: where words stand between spaces, so do punctuation marks."""
    start = torch.tensor([start_token(model.tokenizer)])
    (drawn,) = draw_sequences(
        without(plan_of(model, "torch").step, model.tokenizer.unwritten),
        start,
        model.initial_state(1),
        eos=None,
        sampling=SamplingConfig(temperature=0.7),
        generators=row_generators(0, 1),
        max_lens=_SAMPLE[model.tokenizer.kind],
    )
    return model.tokenizer.decode(drawn[0].tokens)


def tokenizer_json(tokenizer: Tokenizer) -> Json:
    """What ``assets/text.mjs`` makes the tokenizer from."""
    match tokenizer:
        case CharTokenizer():
            return {
                "kind": "char",
                "characters": list(tokenizer.characters),
                "hasUnk": tokenizer.has_unk,
                "nfc": tokenizer.nfc,
            }
        case ByteTokenizer():
            return {"kind": "byte"}
        case WordTokenizer():
            return {"kind": "word", "words": list(tokenizer.words), "style": tokenizer.style}
        case BPETokenizer():
            return {"kind": "bpe", "merges": [" ".join(merge) for merge in tokenizer.merges]}
    raise UserError(f"a page has no tokenizer of the kind {tokenizer.kind!r}")
