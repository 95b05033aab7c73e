"""A model for programs that have neither this package nor PyTorch: graphs, and one JSON file that explains them.

out.onnx            the step: tokens and state in, logits and new state out
out.encoder.onnx    of a translator: what reads the source
out.step.onnx       of a classifier that reads one way: a token further; out.onnx reads whole texts then
out.json            names, shapes, the state to begin with, tokenizers, and the sha256 of the files above
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from rnnzoo import state as states
from rnnzoo.destinations import check_file_destination
from rnnzoo.errors import UserError
from rnnzoo.files import write_durably
from rnnzoo.inference.eval_mode import evaluating
from rnnzoo.inference.graphs.onnx import to_onnx
from rnnzoo.inference.graphs.trace import Graph, Port
from rnnzoo.shapes import Tensor
from rnnzoo.version import __version__
from rnnzoo.zoo.kinds import Model, kind_of

__all__ = ["EXPORT_SCHEMA", "check_out", "export_model", "port_json"]

EXPORT_SCHEMA = 1
"""The version of the JSON file."""


def _archive(graph: Graph, int8: bool) -> bytes:
    buffer = io.BytesIO()
    torch.export.save(graph.program, buffer)
    return buffer.getvalue()


_FORMATS: dict[str, Callable[[Graph, bool], bytes]] = {
    ".onnx": lambda graph, int8: to_onnx(graph, int8=int8),
    ".pt2": _archive,
}
"""By the ending of a file's name: ONNX, and what `torch.export.load` reads."""


def check_out(out: str | os.PathLike[str], *, int8: bool = False, force: bool = False) -> Path:
    """The file `out` as a path, if an export can be written there.

    Raises:
        UserError: the name has another ending, its folder is missing or closed, or a file is there already.
    """
    path = Path(out)
    if path.suffix not in _FORMATS:
        raise UserError(
            f"the name has to end in {', '.join(_FORMATS)}, .zip or .html, or in a slash for a folder", path=path
        )
    if int8 and path.suffix != ".onnx":
        raise UserError("int8 is for .onnx files", path=path)
    if not path.parent.is_dir():
        raise UserError("no such folder", path=path.parent)
    check_file_destination(path)
    for place in (path, path.with_suffix(".json")):
        _check_free(place, force)
    return path


def export_model(
    model: Model, out: str | os.PathLike[str], *, name: str = "", int8: bool = False, force: bool = False
) -> list[Path]:
    """Writes `model` as `out` and the files beside it; the JSON file is written last.

    Args:
        model: any plain model, in any of its dtypes; it is left as it is.
        out: the step's file; ``.onnx`` for ONNX, ``.pt2`` for what `torch.export.load` reads.
        name: what the model is called, for the JSON file.
        int8: ONNX only: the weights of the step's products in 8 bits; see `rnnzoo.inference.graphs.onnx.to_onnx`.
        force: replaces files that are there.

    Returns:
        The files.

    Raises:
        UserError: `check_out` does, or a package of the extra ``export`` is missing, or the disk is full.
    """
    path = check_out(out, int8=int8, force=force)
    graphs = kind_of(model).graphs(model)
    places = {part: path.with_suffix(f".{part}{path.suffix}") if number else path for number, part in enumerate(graphs)}
    for part in graphs:
        _check_free(places[part], force)
    # the encoder's products lie in loops, which dynamic quantisation does not enter
    data = {part: _FORMATS[path.suffix](graph, int8 and part == "step") for part, graph in graphs.items()}
    described = {
        "schema": EXPORT_SCHEMA,
        "rnnzoo": __version__,
        "model": name,
        "task": kind_of(model).task_of(model),
        "precision": "int8" if int8 else _precision(model),
        **_text(model),
        "graphs": {
            part: {
                "file": places[part].name,
                "sha256": hashlib.sha256(data[part]).hexdigest(),
                "inputs": [port_json(port, model) for port in graph.inputs],
                "outputs": [port_json(port) for port in graph.outputs],
            }
            for part, graph in graphs.items()
        },
    }
    text = json.dumps(described, ensure_ascii=False, indent=1) + "\n"
    contents = {places[part]: content for part, content in data.items()}
    contents[path.with_suffix(".json")] = text.encode("utf-8", "surrogatepass")
    _write(contents)
    return list(contents)


def _check_free(place: Path, force: bool) -> None:
    if place.is_dir():
        raise UserError("is a folder", path=place)
    if place.exists() and not force:
        raise UserError("is there already; --force replaces it", path=place)


def _write(contents: dict[Path, bytes]) -> None:
    written: list[Path] = []
    for path, content in contents.items():
        try:
            write_durably(path, lambda file, content=content: file.write(content))  # type: ignore[misc]
        except OSError as error:
            for other in written:
                other.unlink()
            raise UserError(f"cannot be written: {error.strerror}", path=path) from None
        written.append(path)


def _precision(model: Model) -> str:
    return str(next(model.parameters()).dtype).removeprefix("torch.")


def _text(model: Model) -> dict[str, Any]:
    """What stands between text and ids. A tokenizer is in the format of the `tokenizers` library."""
    tokenizers = {
        file.removesuffix(".json"): tokenizer.to_dict()
        for file, tokenizer in kind_of(model).tokenizers_of(model).items()
    }
    return {"vocab_size": model.vocab_size, **kind_of(model).special_tokens(model), "tokenizers": tokenizers}


def port_json(port: Port, model: Model | None = None) -> dict[str, Any]:
    """An input or output; of a language model's state also what it begins with: a number, or those of one row."""
    described: dict[str, Any] = {
        "name": port.name,
        "shape": list(port.shape),
        "dtype": str(port.dtype).removeprefix("torch."),
    }
    if model is None or not port.name.startswith("state."):
        return described
    with evaluating(model):
        state = kind_of(model).first_state(model)
    if state is not None:
        first: Tensor = states.flatten(state)[port.name.removeprefix("state.")][0]
        value = first.flatten()[0]
        described["initial"] = value.item() if bool((first == value).all()) else first.tolist()
    return described
