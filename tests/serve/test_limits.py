"""What the server counts, refuses and forgets: the application itself, without a process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from exports import exported_language_model, exported_translator
from starlette.testclient import TestClient

from rnnzoo.runtime import Model
from rnnzoo.serve import Limits, make_app


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    """A language model and a translator."""
    language, translator = exported_language_model(tmp_path_factory), exported_translator(tmp_path_factory)
    return {"small": Model.open(language / "out"), "other": Model.open(translator / "out")}


def client(models: dict[str, Model], **limits: Any) -> TestClient:
    return TestClient(make_app(models, Limits(**limits)))


def refused(answer: Any, status: int, words: str) -> None:
    """An answer of one line."""
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error["code"] == status
    assert words in error["message"]
    assert "\n" not in error["message"]


def test_health_and_metrics(models: dict[str, Model]) -> None:
    with client(models) as http:
        assert http.get("/health").json() == {"status": "ok", "models": ["small", "other"]}
        assert http.post("/v1/completions", json={"prompt": "abc", "max_tokens": 7, "seed": 1}).status_code == 200
        assert http.post("/v1/completions", json={"prompt": 1}).status_code == 400
        http.post("/sessions", json={})
        answer = http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    for line in (
        'rnnzoo_requests_total{path="/v1/completions",status="200"} 1',
        'rnnzoo_requests_total{path="/v1/completions",status="400"} 1',
        'rnnzoo_tokens_total{model="small"} 7',
        "rnnzoo_requests_running 0",
        "rnnzoo_sessions 1",
    ):
        assert line in lines
    for line in lines:  # a name, labels and a number, or a comment
        assert line.startswith("# TYPE ") or float(line.rpartition(" ")[2]) >= 0


def test_translations_and_scores(models: dict[str, Any]) -> None:
    with client(models) as http:
        texts = ["abc, de.", "fg"]
        expected = models["other"].translate(texts, beam=3)
        assert http.post("/translate", json={"text": texts, "beam": 3}).json()["translations"] == expected
        found = http.post("/score", json={"text": "abc de"}).json()
        assert found["nll"] == pytest.approx(models["small"].score("abc de").nll)
        assert len(found["bits"]) == 6
        refused(http.post("/translate", json={"text": "a", "model": "small"}), 400, "no translator")
        refused(http.post("/score", json={"text": "a", "model": "other"}), 400, "no language model")
        refused(http.post("/translate", json={"text": ["a"] * 65}), 400, "at most 64")


@pytest.mark.parametrize(
    ("limits", "asked", "status", "words"),
    [
        ({"tokens": 10}, {"max_tokens": 11}, 400, "max_tokens has to be from 0 to 10"),
        ({"characters": 5}, {"prompt": "abcdef"}, 400, "the length of prompt"),
        ({"body": 30}, {"prompt": "a" * 40}, 413, "more than 30 bytes"),
        ({"requests": 0}, {"prompt": "a"}, 429, "too many requests"),
        ({"seconds": 1e-9}, {"prompt": "a"}, 408, "took longer"),
    ],
)
def test_limits(models: dict[str, Model], limits: Any, asked: Any, status: int, words: str) -> None:
    with client(models, **limits) as http:
        refused(http.post("/v1/completions", json=asked), status, words)
        assert http.get("/health").status_code == 200


def test_the_session_that_was_idle_longest_goes_first(models: dict[str, Model]) -> None:
    with client(models, sessions=2) as http:
        first, second = (http.post("/sessions", json={}).json()["id"] for _ in range(2))
        assert http.post(f"/sessions/{first}", json={"max_tokens": 1}).status_code == 200  # is younger now
        third = http.post("/sessions", json={}).json()["id"]
        found = [http.get(f"/sessions/{name}").status_code for name in (first, second, third)]
        assert found == [200, 404, 200]
        assert http.delete(f"/sessions/{first}").status_code == 204
        refused(http.delete(f"/sessions/{first}"), 404, "no such session")
    with client(models, age=0.0) as http:
        name = http.post("/sessions", json={}).json()["id"]
        refused(http.post(f"/sessions/{name}", json={}), 404, "forgotten")


def test_a_stream_is_the_text(models: dict[str, Any]) -> None:
    asked = {"prompt": "abc", "max_tokens": 40, "seed": 3, "stop": "b"}
    expected = models["small"].generate("abc", max_new_tokens=40, seed=3, stop="b")[0]
    with client(models) as http, http.stream("POST", "/v1/completions", json={**asked, "stream": True}) as answer:
        events = [line.removeprefix("data: ") for line in answer.iter_lines() if line]
    assert events[-1] == "[DONE]"
    choices = [json.loads(event)["choices"][0] for event in events[:-1]]
    assert "".join(choice["text"] for choice in choices) == expected
    assert choices[-1]["finish_reason"] == ("stop" if len(expected) < 40 else "length")


def test_the_schema_is_what_requests_are_held_to(models: dict[str, Model]) -> None:
    with client(models) as http:
        schema = http.get("/openapi.json").json()
        for path, methods in schema["paths"].items():
            fields = methods["post"]["requestBody"]["content"]["application/json"]["schema"]
            assert not fields["additionalProperties"]
            answer = http.post(path.replace("{id}", "none"), json={"no such field": 1})
            refused(answer, 400, "unknown field")
    assert len(schema["paths"]) == 5


def test_no_file_named_by_a_client_is_opened(models: dict[str, Model], tmp_path: Path) -> None:
    (tmp_path / "meta.json").write_text("{}")
    with client(models) as http:
        for name in (str(tmp_path), "../small", "small/../small"):
            refused(http.post("/v1/completions", json={"model": name}), 404, "there is no model")
