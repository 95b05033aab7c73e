"""The scripts of ``assets/`` as one, and the HTML around it."""

from __future__ import annotations

import base64
import hashlib
import html
import re
import zlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from rnnzoo import __version__

__all__ = ["missing_operators", "page_html", "script"]

_ASSETS = files("rnnzoo.page") / "assets"
_ENTRY = "main.mjs"
_IMPORT = re.compile(r"^import \{[^}]*\} from '\./([\w-]+\.mjs)'\n", re.MULTILINE)
_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")  # turns text
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const|let)\b)", re.MULTILINE)


@cache
def script(entry: str = _ENTRY) -> str:
    """The modules of ``assets/`` that `entry` needs, and it, as one module: each after those that it imports from.

    The modules import by name, from each other only, and no two have a top-level name in common.
    """
    parts: dict[str, str] = {}

    def add(name: str) -> None:
        if name in parts:
            return
        source = (_ASSETS / name).read_text(encoding="utf-8")
        parts[name] = ""  # keeps a circle of imports from going on for ever
        for needed in _IMPORT.findall(source):
            add(needed)
        del parts[name]
        parts[name] = _EXPORT.sub("", _IMPORT.sub("", source))

    add(entry)
    return "\n".join(f"// {'-' * 20} {name}\n{source}" for name, source in parts.items())


@cache
def _operators() -> frozenset[str]:
    """What `graph.mjs` can execute: the names in the tables of `operators.mjs`, among other words there."""
    source = (_ASSETS / "operators.mjs").read_text(encoding="utf-8")
    tables = source[source.index("export const OPERATORS") :]
    return frozenset(re.findall(r"[\w.]+", tables)) | {"constant", "input", "scan"}


def missing_operators(graph: Mapping[str, Any]) -> set[str]:
    """The operators of a graph, as `rnnzoo.page.graph_json` gave it, that a page does not have."""
    missing = {name for name, *_ in graph["nodes"] if name not in _operators()}
    bodies = [
        value["g"] for _, *values in graph["nodes"] for value in values if isinstance(value, dict) and "g" in value
    ]
    return missing.union(*map(missing_operators, bodies))


def page_html(title: str, models: Sequence[bytes]) -> str:
    """One HTML file with these models, as `rnnzoo.page.contents.model_bytes` gave them.

    The page may run its own script, WebAssembly and style, named by their hashes, and may load nothing at all. What
    comes from a model's folder stands in base64, which has no sign that means anything in HTML, and the title.
    """
    style = (_ASSETS / "page.css").read_text(encoding="utf-8")
    code = script()
    policy = (
        f"default-src 'none'; script-src '{_hash(code)}' 'wasm-unsafe-eval'; style-src '{_hash(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    data = "\n".join(
        f'<script type="application/octet-stream" data-model>{_packed(model)}</script>' for model in models
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="rnnzoo {__version__}">
<title>{html.escape(_INVISIBLE.sub("", title))}</title>
<style>{style}</style>
</head>
<body>
<noscript>This page runs its model in JavaScript, which is switched off here.</noscript>
<main id="page"><p class="loading">Unpacking the model …</p></main>
{data}
<script type="module">{code}</script>
</body>
</html>
"""


def _packed(model: bytes) -> str:
    deflated = zlib.compressobj(9, zlib.DEFLATED, -15)
    return base64.b64encode(deflated.compress(model) + deflated.flush()).decode()


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
