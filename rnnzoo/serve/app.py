"""The application: routes, limits, and what is counted."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from rnnzoo.errors import UserError
from rnnzoo.runtime import LanguageModel, Model, Session, Translator
from rnnzoo.runtime.sampling import SamplingConfig
from rnnzoo.runtime.stop import StopScanner
from rnnzoo.serve.batches import Batches, Job
from rnnzoo.serve.fields import BadRequest, Field, parse
from rnnzoo.serve.openapi import described
from rnnzoo.serve.sessions import Sessions

__all__ = ["Limits", "make_app"]


@dataclass(frozen=True)
class Limits:
    """What clients may ask for.

    Attributes:
        tokens: of a text. characters: of a prompt or sentence. body: bytes of a request. requests: at once.
        seconds: that a request may take. sessions: kept at once. age: seconds that one is kept without a request.
    """

    tokens: int = 4096
    characters: int = 20_000
    body: int = 1 << 18
    requests: int = 256
    seconds: float = 60.0
    sessions: int = 10_000
    age: float = 3600.0


def make_app(models: Mapping[str, Model], limits: Limits | None = None) -> Starlette:
    """The server over exported models, by name; the first is the one that is meant where none is named."""
    return _Server(models, limits or Limits()).app()


class _Server:
    def __init__(self, models: Mapping[str, Model], limits: Limits) -> None:
        self.models, self.limits = dict(models), limits
        self.batches = {name: Batches(one) for name, one in models.items() if isinstance(one, LanguageModel)}
        self.sessions = Sessions(limits.sessions, limits.age)
        self.locks: dict[str, asyncio.Lock] = {name: asyncio.Lock() for name in models}
        self.counted: Counter[tuple[str, int]] = Counter()
        self.seconds: Counter[str] = Counter()
        self.running = 0
        size = limits.characters
        sampling = {
            "temperature": Field((float,), 1.0, 0, 100),
            "top_p": Field((float,), 1.0, 0, 1),
            "top_k": Field((int,), 0, 0, 1 << 30),
            "min_p": Field((float,), 0.0, 0, 1),
            "max_tokens": Field((int,), 100, 0, limits.tokens),
            "stop": Field((str, list), None, 1, 16),
            "seed": Field((int,), None, 0, 2**62),
            "stream": Field((bool,), False),
        }
        named = {"model": Field((str,), "", 0, 200)}
        seed = sampling.pop("seed")
        self.fields: dict[str, dict[str, Field]] = {
            "/v1/completions": {
                **named,
                "prompt": Field((str,), "", 0, size),
                **sampling,
                "seed": seed,
                "user": Field((str,), ""),
            },
            "/translate": {**named, "text": Field((str, list), ..., 0, size), "beam": Field((int,), 5, 1, 16)},
            "/score": {**named, "text": Field((str,), ..., 1, size)},
            "/sessions": {**named, "seed": seed, "saved": Field((str,), None, 0, limits.body)},
            "/sessions/{id}": {
                "text": Field((str,), "", 0, size),
                **{k: v for k, v in sampling.items() if k != "seed"},
            },
        }

    def app(self) -> Starlette:
        schema = described(self.fields)

        async def openapi(request: Request) -> Response:
            return JSONResponse(schema)

        return Starlette(
            routes=[
                Route("/health", self._health),
                Route("/metrics", self._metrics),
                Route("/openapi.json", openapi),
                Route("/v1/models", self._models),
                Route("/v1/completions", self._held("/v1/completions", self._complete), methods=["POST"]),
                Route("/translate", self._held("/translate", self._translate), methods=["POST"]),
                Route("/score", self._held("/score", self._score), methods=["POST"]),
                Route("/sessions", self._held("/sessions", self._begin), methods=["POST"]),
                Route("/sessions/{id}", self._held("/sessions/{id}", self._continue), methods=["POST"]),
                Route("/sessions/{id}", self._save, methods=["GET"]),
                Route("/sessions/{id}", self._end, methods=["DELETE"]),
            ],
            exception_handlers={404: _plainly, 405: _plainly},
        )

    # ------------------------------------------------------------------------------------------ what holds them all

    def _held(self, path: str, answer: Callable[..., Any]) -> Callable[[Request], Any]:
        """`answer` for what passes the limits, and what it raises as a line of JSON."""

        async def handle(request: Request) -> Response:
            began, status = time.monotonic(), 500
            try:
                if self.running >= self.limits.requests:
                    raise BadRequest("too many requests at once: come again", 429)
                self.running += 1
                try:
                    body = await self._body(request)
                    given = parse(body, self.fields[path])
                    response: Response = await asyncio.wait_for(answer(request, given), self.limits.seconds)
                finally:
                    self.running -= 1
            except BadRequest as error:
                response = _error(str(error), error.status)
            except UserError as error:
                response = _error(str(error), 400)
            except TimeoutError:
                response = _error(f"took longer than {self.limits.seconds:g} seconds: ask for less", 408)
            except ClientDisconnect:
                response = _error("the client has gone", 400)
            status = response.status_code
            self.counted[path, status] += 1
            self.seconds[path] += time.monotonic() - began  # type: ignore[assignment]
            return response

        return handle

    async def _body(self, request: Request) -> bytes:
        data = bytearray()
        async for chunk in request.stream():
            data += chunk
            if len(data) > self.limits.body:
                raise BadRequest(f"the body has more than {self.limits.body} bytes", 413)
        return bytes(data)

    def _model(self, name: str, kind: type[Model]) -> tuple[str, Any]:
        fitting = [one for one, model in self.models.items() if isinstance(model, kind)]
        name = name or (fitting[0] if fitting else "")
        if name not in self.models:
            raise BadRequest(f"there is no model {name!r:.80} here", 404)
        if name not in fitting:
            raise BadRequest(f"{name} is no {'translator' if kind is Translator else 'language model'}")
        return name, self.models[name]

    # ------------------------------------------------------------------------------------------ answers

    async def _complete(self, request: Request, given: dict[str, Any]) -> Response:
        name, model = self._model(given["model"], LanguageModel)
        session: Session = model.session(seed=given["seed"])
        ids = model.tokenizer.encode(given["prompt"])
        await self.batches[name].call(session.feed_ids, ids.tolist())
        job = self._job(session, given)
        about = {
            "id": f"cmpl-{time.time_ns():x}",
            "object": "text_completion",
            "created": int(time.time()),
            "model": name,
        }

        def choice(text: str, reason: str | None) -> dict[str, Any]:
            return {**about, "choices": [{"text": text, "index": 0, "logprobs": None, "finish_reason": reason}]}

        self.batches[name].add(job)
        if given["stream"]:
            return _events(job, choice)
        text = await _whole(job)
        written = given["max_tokens"] - job.left
        usage = {"prompt_tokens": len(ids), "completion_tokens": written, "total_tokens": len(ids) + written}
        return JSONResponse({**choice(text, _reason(job)), "usage": usage})

    async def _translate(self, request: Request, given: dict[str, Any]) -> Response:
        name, model = self._model(given["model"], Translator)
        texts = given["text"] if isinstance(given["text"], list) else [given["text"]]
        if len(texts) > 64 or sum(map(len, texts)) > self.limits.characters:
            raise BadRequest(f"at most 64 sentences of {self.limits.characters} characters together")
        async with self.locks[name]:
            found = await asyncio.to_thread(model.translate, texts, beam=given["beam"])
        return JSONResponse({"model": name, "translations": found})

    async def _score(self, request: Request, given: dict[str, Any]) -> Response:
        name, model = self._model(given["model"], LanguageModel)
        score = await self.batches[name].call(model.score, given["text"])
        return JSONResponse(
            {
                "model": name,
                "nll": score.nll,
                "tokens": score.tokens,
                "bits": [round(b, 6) for b in score.bits.tolist()],
            }
        )

    async def _begin(self, request: Request, given: dict[str, Any]) -> Response:
        name, model = self._model(given["model"], LanguageModel)
        if given["saved"] is None:
            session = model.session(seed=given["seed"])
        else:
            try:
                session = model.restore(base64.b64decode(given["saved"], validate=True))
            except (binascii.Error, ValueError):
                raise BadRequest("saved is not base64") from None
            if session.num != 1:
                raise BadRequest("a session here has one row")
        return JSONResponse({"id": self.sessions.add(session), "model": name}, 201)

    async def _continue(self, request: Request, given: dict[str, Any]) -> Response:
        session, name = self._session(request), request.path_params["id"]
        if name in self.sessions.busy:
            raise BadRequest("this session is answering another request", 409)
        batches = next(one for one in self.batches.values() if one.model is session.model)
        self.sessions.busy.add(name)
        try:
            await batches.call(session.feed_ids, batches.model.tokenizer.encode(given["text"]).tolist())
            job = self._job(session, given)
            batches.add(job)
        except BaseException:
            self.sessions.busy.discard(name)
            raise
        if given["stream"]:
            return _events(job, lambda text, reason: {"text": text, "finish_reason": reason}, self._free(name))
        try:
            text = await _whole(job)
        finally:
            self.sessions.busy.discard(name)
        return JSONResponse({"id": name, "text": text, "finish_reason": _reason(job)})

    def _free(self, name: str) -> Callable[[], None]:
        return lambda: self.sessions.busy.discard(name)

    async def _save(self, request: Request) -> Response:
        try:
            session = self._session(request)
            if request.path_params["id"] in self.sessions.busy:
                raise BadRequest("this session is answering another request", 409)
        except BadRequest as error:
            return _error(str(error), error.status)
        return JSONResponse({"saved": base64.b64encode(session.save()).decode()})

    async def _end(self, request: Request) -> Response:
        there = self.sessions.drop(request.path_params["id"])
        return Response(status_code=204) if there else _error("there is no such session", 404)

    def _session(self, request: Request) -> Session:
        session = self.sessions.find(request.path_params["id"])
        if session is None:
            raise BadRequest("there is no such session: it has ended, or was forgotten", 404)
        return session

    def _job(self, session: Session, given: Mapping[str, Any]) -> Job:
        strings = [given["stop"]] if isinstance(given["stop"], str) else given["stop"] or []
        if "" in strings:
            raise BadRequest("a stop string must not be empty")
        sampling = SamplingConfig(given["temperature"], given["top_k"], given["top_p"], given["min_p"])
        job = Job(session, given["max_tokens"], sampling, StopScanner(strings))
        return job

    # ------------------------------------------------------------------------------------------ about the server

    async def _health(self, request: Request) -> Response:
        return JSONResponse({"status": "ok", "models": list(self.models)})

    async def _models(self, request: Request) -> Response:
        data = [{"id": name, "object": "model", "created": 0, "owned_by": "rnnzoo"} for name in self.models]
        return JSONResponse({"object": "list", "data": data})

    async def _metrics(self, request: Request) -> Response:
        lines = ["# TYPE rnnzoo_requests_total counter"]
        lines += [f'rnnzoo_requests_total{{path="{p}",status="{s}"}} {n}' for (p, s), n in sorted(self.counted.items())]
        lines.append("# TYPE rnnzoo_request_seconds_total counter")
        lines += [f'rnnzoo_request_seconds_total{{path="{p}"}} {n:.6f}' for p, n in sorted(self.seconds.items())]
        lines.append("# TYPE rnnzoo_tokens_total counter")
        lines += [f'rnnzoo_tokens_total{{model="{name}"}} {one.steps}' for name, one in self.batches.items()]
        lines += ["# TYPE rnnzoo_requests_running gauge", f"rnnzoo_requests_running {self.running}"]
        lines += ["# TYPE rnnzoo_sessions gauge", f"rnnzoo_sessions {len(self.sessions)}", ""]
        return PlainTextResponse("\n".join(lines), media_type="text/plain; version=0.0.4")


def _error(message: str, status: int) -> JSONResponse:
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return JSONResponse({"error": {"message": message, "type": kind, "code": status}}, status)


async def _plainly(request: Request, error: Any) -> Response:
    return _error(str(error.detail), error.status_code)


async def _whole(job: Job) -> str:
    parts = []
    try:
        if job.left:
            while (piece := await job.pieces.get()) is not None:
                if isinstance(piece, Exception):
                    raise piece
                parts.append(piece)
    finally:
        job.cancelled = True
    return "".join(parts)


def _events(
    job: Job, choice: Callable[[str, str | None], dict[str, Any]], done: Callable[[], None] = lambda: None
) -> StreamingResponse:
    async def events() -> AsyncIterator[str]:
        try:
            if job.left:
                while (piece := await job.pieces.get()) is not None:
                    if isinstance(piece, Exception):
                        yield f"data: {json.dumps({'error': {'message': str(piece)}})}\n\n"
                        return
                    yield f"data: {json.dumps(choice(piece, None))}\n\n"
            yield f"data: {json.dumps(choice('', _reason(job)))}\n\n"
            yield "data: [DONE]\n\n"
        finally:  # also where the client has gone
            job.cancelled = True
            done()

    return StreamingResponse(events(), media_type="text/event-stream")


def _reason(job: Job) -> str:
    return "stop" if job.scanner.stopped else "length"
