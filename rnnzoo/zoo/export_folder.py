"""A model for `rnnzoo.runtime`: one folder or ZIP file that is complete, of the form of `rnnzoo.runtime.bundle`."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from rnnzoo import state as states
from rnnzoo.errors import UserError
from rnnzoo.files import read_json, write_durably
from rnnzoo.inference.eval_mode import evaluating
from rnnzoo.inference.graphs.onnx import require_onnx, to_onnx
from rnnzoo.inference.graphs.stretch import language_graphs
from rnnzoo.inference.graphs.trace import encoder_graph, step_graph
from rnnzoo.inference.graphs.weights import quantised, shared_weights
from rnnzoo.inference.plans import prepared
from rnnzoo.models import LanguageModel, Seq2Seq
from rnnzoo.runtime.bundle import FORMAT, META, SCHEMA, WEIGHTS
from rnnzoo.version import __version__
from rnnzoo.zoo.kinds import Model, kind_of

__all__ = ["bundle_files", "check_place", "export_folder", "is_place", "traced_graphs", "write_bundle"]

_TABLE = 1 << 18
"""Entries up to which a table of the first product takes the place of embedding and weights."""

_DATE = (1980, 1, 1, 0, 0, 0)  # in ZIP files, so that the same model is the same file


def is_place(out: str | os.PathLike[str]) -> bool:
    """Whether `out` names a folder or a ZIP file: it ends in a slash or ``.zip``, has no ending, or is a folder."""
    text = os.fspath(out)
    return text.endswith(("/", os.sep, ".zip")) or Path(text).suffix == "" or (Path(text) / META).is_file()


def check_place(out: str | os.PathLike[str], *, force: bool = False) -> Path:
    """The folder or ZIP file `out` as a path, if an export can be written there.

    Raises:
        UserError: something else is there, or the folder around it is missing or closed.
    """
    path = Path(out)
    if not path.absolute().parent.is_dir():
        raise UserError("no such folder", path=path.parent)
    if not os.access(path.absolute().parent, os.W_OK):
        raise UserError("this folder cannot be written to", path=path.parent)
    if path.suffix == ".zip" and path.is_dir():
        raise UserError("is a folder", path=path)
    if path.suffix != ".zip" and path.exists() and not (path.is_dir() and _replaceable(path)):
        raise UserError("is there already, and is no folder that `rnnzoo export` wrote", path=path)
    if path.exists() and not force and not (path.is_dir() and not any(path.iterdir())):
        raise UserError("is there already; --force replaces it", path=path)
    return path


def export_folder(
    model: Model,
    out: str | os.PathLike[str],
    *,
    name: str = "",
    int8: bool = False,
    licence: str = "",
    force: bool = False,
) -> list[Path]:
    """Writes `model` as the folder `out`, or, with the ending ``.zip``, as one file; completely or not at all.

    Args:
        model: any plain model in float32; it is left as it is.
        out: the folder or file. name: what the model is called. licence: what its weights may be used for.
        int8: weights of tables and products in 8 bits, see `rnnzoo.models.graph_weights`.
        force: replaces what is there, if it is an export.

    Returns:
        The files.

    Raises:
        UserError: `check_place` does, a package of the extra ``export`` is missing, or the disk is full.
    """
    path = check_place(out, force=force)
    return write_bundle(bundle_files(model, name=name, int8=int8, licence=licence), path)


def bundle_files(
    model: Model,
    *,
    name: str = "",
    int8: bool = False,
    licence: str = "",
    graphs: Mapping[str, Any] | None = None,
) -> dict[str, bytes]:
    """The files of an export, by name; `graphs`: what `traced_graphs` gave for the model, which takes the time."""
    protos = {part: copy.deepcopy(graph) for part, graph in (graphs or traced_graphs(model)).items()}
    if int8:
        for proto in protos.values():
            quantised(proto)
    weights = shared_weights(protos)
    files = {f"{part}.onnx": proto.SerializeToString(deterministic=True) for part, proto in protos.items()}
    files[WEIGHTS] = weights
    files |= {file: one.to_json().encode("utf-8", "surrogatepass") for file, one in _tokenizers(model).items()}
    meta = _meta(model, protos, name, "int8" if int8 else "float32", licence)
    meta["fingerprint"] = _fingerprint(files)
    files["README.md"] = _readme(meta).encode()
    meta["files"] = {
        file: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for file, data in files.items()
    }
    files[META] = (json.dumps(meta, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "surrogatepass")
    return files


def write_bundle(files: Mapping[str, bytes], path: Path) -> list[Path]:
    """Writes the files of an export as a folder or, with the ending ``.zip``, as one; in the place of what is there.

    Raises:
        UserError: it cannot be written; nothing is left of it.
    """
    try:
        if path.suffix == ".zip":
            write_durably(path, lambda file: file.write(_zipped(files)))
            return [path]
        place = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.absolute().parent))
        try:
            place.chmod(0o777 & ~_umask())
            for name, data in files.items():
                write_durably(place / name, lambda file, data=data: file.write(data))  # type: ignore[misc]
            if path.exists():
                shutil.rmtree(path)
            place.rename(path)
        finally:
            shutil.rmtree(place, ignore_errors=True)
    except OSError as error:
        raise UserError(f"cannot be written: {error.strerror}", path=path) from None
    return [path / name for name in files]


def _replaceable(path: Path) -> bool:
    """A folder that is empty, or an export and nothing else."""
    names = {one.name for one in path.iterdir()}
    if not names:
        return True
    try:
        meta = read_json(path / META)
        return bool(meta["format"] == FORMAT and names <= {META, *meta["files"]})
    except (UserError, TypeError, KeyError):
        return False


def traced_graphs(model: Model) -> dict[str, Any]:
    """The `onnx.ModelProto`s of a model in float32, by part, its free sizes called what they are.

    Raises:
        UserError: a package of the extra ``export`` is missing, or the runtime has no such model.
    """
    kind_of(model).check_bundled()
    require_onnx("onnx", "onnxscript")
    import onnx

    if next(model.parameters()).dtype != torch.float32:
        model = copy.deepcopy(model).float()
    if isinstance(model, LanguageModel):
        own: Any = prepared.folded(model, _TABLE)
        return dict(language_graphs(own))
    assert isinstance(model, Seq2Seq)
    found = {}
    for part, graph in {"encoder": encoder_graph(model), "step": step_graph(model)}.items():
        found[part] = onnx.load_from_string(to_onnx(graph))
        values = [*found[part].graph.input, *found[part].graph.output]
        for value, port in zip(values, (*graph.inputs, *graph.outputs), strict=True):
            for dim, size in zip(value.type.tensor_type.shape.dim, port.shape, strict=True):
                if isinstance(size, str):
                    dim.dim_param = size
    return found


def _tokenizers(model: Model) -> dict[str, Any]:
    return kind_of(model).tokenizers_of(model)


def _meta(model: Model, graphs: Mapping[str, Any], name: str, precision: str, licence: str) -> dict[str, Any]:
    language = isinstance(model, LanguageModel)
    state = [_port(one) for one in graphs["step"].graph.input if one.name.startswith("state.")]
    return {
        "format": FORMAT,
        "schema": SCHEMA,
        "rnnzoo": __version__,
        "model": name,
        "kind": "language_model" if language else "translator",
        "task": kind_of(model).task_of(model),
        "licence": licence,
        "precision": precision,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "vocab_size": model.vocab_size,
        **kind_of(model).special_tokens(model),
        "state": [
            {
                **port,
                "name": port["name"].removeprefix("state."),
                **({"initial": _initial(model, port["name"])} if isinstance(model, LanguageModel) else {}),
            }
            for port in state
        ],
        "graphs": {
            part: {
                "file": f"{part}.onnx",
                "inputs": [_port(one) for one in proto.graph.input],
                "outputs": [_port(one) for one in proto.graph.output],
            }
            for part, proto in graphs.items()
        },
    }


def _port(value: Any) -> dict[str, Any]:
    """Name, shape and dtype of an input or output."""
    from onnx.helper import tensor_dtype_to_np_dtype

    tensor = value.type.tensor_type
    shape = [dim.dim_param or dim.dim_value for dim in tensor.shape.dim]
    return {"name": value.name, "shape": shape, "dtype": str(tensor_dtype_to_np_dtype(tensor.elem_type))}


def _initial(model: LanguageModel, name: str) -> Any:
    """What a state begins with: one number, or those of a row."""
    with evaluating(model):
        first = states.flatten(model.initial_state(1))[name.removeprefix("state.")][0]
    value = first.flatten()[0]
    return value.item() if bool((first == value).all()) else first.tolist()


def _fingerprint(files: Mapping[str, bytes]) -> str:
    """What a saved session belongs to: graphs, weights and vocabulary."""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(hashlib.sha256(files[name]).digest())
    return digest.hexdigest()


def _zipped(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name, _DATE)
            info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(info, data)
    return buffer.getvalue()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _readme(meta: Mapping[str, Any]) -> str:
    use = (
        'print(model.generate("The ", max_new_tokens=200, temperature=0.8, seed=1)[0])'
        if meta["kind"] == "language_model"
        else 'print(model.translate("...")[0])'
    )
    return f"""# {meta["model"] or "A recurrent model"}

A {meta["kind"].replace("_", " ")} of {meta["parameters"]:,} parameters in {meta["precision"]}, exported by rnnzoo
{meta["rnnzoo"]}. It runs without PyTorch (`pip install rnnzoo-runtime`; inside rnnzoo, `rnnzoo.runtime`):

```python
from rnnzoo_runtime import Model
model = Model.open(".")  # this folder
{use}
```

`python -m rnnzoo_runtime . --help` says what else it does. Licence of the weights: {meta["licence"] or "not stated"}.
`meta.json` describes the graphs, and holds size and sha256 of every other file.
"""
