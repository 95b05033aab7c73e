"""``rnnzoo serve``: exported models over HTTP."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path

from rnnzoo.errors import UserError

__all__ = ["register", "run"]


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "serve",
        help="models over HTTP: completions as OpenAI clients ask for them, translations, scores, sessions",
        description="Serves folders or ZIP files that `rnnzoo export` has written, without PyTorch; a model's name is "
        "that of its folder. POST /v1/completions, /translate, /score, /sessions; GET /health, /metrics.",
    )
    parser.add_argument("models", metavar="MODEL", nargs="+", help="an exported folder or ZIP file, or NAME=FOLDER")
    parser.add_argument("--host", default="127.0.0.1", metavar="NAME", help="where it listens (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, metavar="N", help="(8000)")
    parser.add_argument("--max-tokens", type=int, default=4096, metavar="N", help="of a text (4096)")
    parser.add_argument("--max-sessions", type=int, default=10_000, metavar="N", help="kept at once (10000)")
    parser.add_argument("--timeout", type=float, default=60.0, metavar="S", help="seconds of a request (60)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serves until SIGTERM or Ctrl-C, and finishes what runs; returns the exit code."""
    if missing := [name for name in ("starlette", "uvicorn", "onnxruntime") if find_spec(name) is None]:
        raise UserError(f"this needs {' and '.join(missing)}: pip install 'rnnzoo[serve]'")
    import uvicorn

    from rnnzoo.runtime import Model
    from rnnzoo.serve import Limits, make_app

    models: dict[str, Model] = {}
    for text in args.models:
        name, equals, place = text.partition("=")
        place = place if equals else text
        name = name if equals else Path(place).resolve().name.removesuffix(".zip")
        if name in models:
            raise UserError(f"two models are called {name}: NAME=FOLDER gives one another name")
        models[name] = Model.open(place)
        models[name].bundle.check()
    limits = Limits(tokens=args.max_tokens, sessions=args.max_sessions, seconds=args.timeout)
    config = uvicorn.Config(
        make_app(models, limits),
        host=args.host,
        port=args.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=int(args.timeout) + 1,
        timeout_keep_alive=75,  # clients use a connection again, also after a pause
    )
    print(f"http://{args.host}:{args.port} serves {', '.join(models)}", flush=True)
    uvicorn.Server(config).run()
    return 0
