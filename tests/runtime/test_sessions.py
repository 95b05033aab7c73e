"""Sessions: fed in parts, together, forked, saved as bytes, and nothing of one in another."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from exports import Pair

from rnnzoo.errors import UserError
from rnnzoo.runtime import LanguageModel, Session, generate_together
from rnnzoo.runtime.sampling import SamplingConfig


def test_in_parts_is_whole(exported: LanguageModel) -> None:
    whole = exported.session(2, seed=3).feed("abc de").generate(50)
    session = exported.session(2, seed=3).feed("abc").feed("").feed(" de")
    assert [a + b for a, b in zip(session.generate(13), session.generate(37), strict=True)] == whole
    assert exported.session(2, seed=3).feed_ids(exported.tokenizer.encode("abc de").tolist()).generate(50) == whole


def test_a_stream_that_is_left_goes_on(pair: Pair) -> None:
    texts = []
    for model in pair.exported, pair.model:
        session = model.session(seed=4)
        session.feed("abc")
        pieces = session.stream(100)
        first = [next(pieces) for _ in range(7)]
        pieces.close()  # type: ignore[attr-defined]
        session.feed(" d")
        texts.append(("".join(first), session.generate(40)))
    assert texts[0] == texts[1]


def test_stops_where_the_full_package_stops(pair: Pair) -> None:
    texts = []
    for model in pair.exported, pair.model:
        session = model.session(3, seed=4)
        session.feed("abc")
        texts.append([session.generate(100, stop="b"), session.generate(60, temperature=0.5)])
    assert texts[0] == texts[1]


def test_save_and_restore(exported: LanguageModel) -> None:
    session = exported.session(2, seed=6).feed("abc")
    session.generate(10)
    data, expected = session.save(), None
    expected = session.generate(60)
    assert exported.restore(data).generate(60) == expected
    assert LanguageModel.open(exported.bundle.path).restore(data).generate(60) == expected
    assert len(data) < session.nbytes + 1000


def test_fork(exported: LanguageModel) -> None:
    session = exported.session(seed=6).feed("abc")
    same, other = session.fork(), session.fork(seed=7)
    text = session.generate(60)
    assert same.generate(60) == text != other.generate(60)


def test_damaged_bytes_are_refused(exported: LanguageModel, opened: LanguageModel) -> None:
    data = exported.session(seed=1).feed("ab").save()
    for place in (0, 20, 90, len(data) // 2, len(data) - 1):
        damaged = bytearray(data)
        damaged[place] ^= 1
        with pytest.raises(UserError, match="not a session"):
            exported.restore(bytes(damaged))
    for wrong in (b"", data[:-1], data + b"x"):
        with pytest.raises(UserError, match="not a session"):
            exported.restore(wrong)
    with pytest.raises(UserError, match="another model"):
        opened.restore(data)


def test_together_is_one_by_one(exported: LanguageModel) -> None:
    prompts = ["", "a", "abc, de", "fgh" * 40, "b"]
    limits, stops = [40, 7, 90, 33, 0], [None, None, "a", None, None]
    configs = [SamplingConfig(0), SamplingConfig(0.5), SamplingConfig(), SamplingConfig(1.0, 3), SamplingConfig()]

    def sessions() -> list[Session]:
        return [exported.session(seed=i).feed(prompt) for i, prompt in enumerate(prompts)]

    together, alone = sessions(), sessions()
    texts = generate_together(together, limits, configs, stop=stops)
    assert texts == [
        session.generate(limit, config, stop=stop)[0]
        for session, limit, config, stop in zip(alone, limits, configs, stops, strict=True)
    ]
    assert [a.save()[:17] for a in together] == [b.save()[:17] for b in alone]
    assert [session.generate(20) for session in together] == [session.generate(20) for session in alone]
    with pytest.raises(UserError, match="beside itself"):
        generate_together([together[0], together[0]], 1)


def test_a_thousand_sessions_take_their_state_and_a_kilobyte(exported: LanguageModel) -> None:
    sessions = [exported.session(seed=i).feed("ab") for i in range(1000)]
    generate_together(sessions, 12)
    session = sessions[500]
    parts = [session, session._packed, session._tokens, session._tails, *session._tails, session._draws]
    parts += [*session._draws, *(draws.seed for draws in session._draws)]
    assert sum(map(sys.getsizeof, parts)) <= session.nbytes + 1000
    assert session.nbytes == sum(array.nbytes for array in exported.first_state.values())


def test_probabilities(exported: LanguageModel) -> None:
    found = exported.session(2).feed("abc").probabilities()
    assert found.shape == (2, exported.vocab_size)
    np.testing.assert_allclose(found.sum(1), 1)


def test_a_pool_is_its_sessions(exported: LanguageModel) -> None:
    prompts = ["", "a", "abc, de", "fgh" * 40, "b"] * 5
    alone = [exported.session(seed=i).feed(prompt) for i, prompt in enumerate(prompts)]
    pool = exported.pool()
    rows = [pool.add(session) for session in alone]
    said: list[list[int]] = [[] for _ in rows]
    for length, sampling in ((1, SamplingConfig(0.7)), (40, SamplingConfig()), (64, SamplingConfig(0)), (33, None)):
        for one, tokens in zip(said, pool.write(length, sampling).T.tolist(), strict=True):
            one += tokens
        for session, one in zip(alone, said, strict=True):
            text = session.generate(length, sampling)[0]
            assert exported.tokenizer.encode(text).tolist() == one[-length:]
    assert [pool.session(row).save() for row in rows] == [session.save() for session in alone]


def test_some_rows_of_a_pool(exported: LanguageModel) -> None:
    pool, alone = exported.pool(), [exported.session(seed=i).feed("ab") for i in range(40)]
    rows = [pool.add(session) for session in alone]
    for row in rows[10:20]:
        pool.remove(row)
    assert len(pool) == 30
    ids = [exported.tokenizer.encode(text).tolist() for text in ("cd", "", "e f")]
    pool.feed_ids(ids, [7, 25, 3])
    for row, text in ((7, "cd"), (3, "e f")):
        alone[row].feed(text)
    pool.step(rows=[25, 7])
    for row in (25, 7):
        alone[row].generate(1)
    np.testing.assert_allclose(pool.probabilities([3, 7])[1], alone[7].probabilities()[0], atol=1e-6)
    assert pool.add(alone[3]) == 10
    for row, session in ((3, 3), (7, 7), (25, 25), (39, 39), (10, 3)):
        assert pool.session(row).generate(20) == alone[session].fork().generate(20)
    for call in (
        lambda: pool.step(rows=[12]),
        lambda: pool.step(rows=[1, 1]),
        lambda: pool.write(65),
        lambda: pool.session(99),
    ):
        with pytest.raises(UserError):
            call()


def test_a_row_of_a_pool_takes_its_state_and_a_kilobyte(exported: LanguageModel) -> None:
    pool, session = exported.pool(1000), exported.session(seed=1)
    for _ in range(1000):
        pool.add(session)
    assert pool.nbytes <= 1000 * (session.nbytes + 1000)


def test_a_session_scores_what_it_reads(exported: LanguageModel) -> None:
    text = "abc, de.\nfgh" * 3
    session, fed = exported.session(seed=1), exported.session(seed=1)
    nats = np.concatenate([session.score(part) for part in (text[:5], "", text[5:6], text[6:])])
    assert len(nats) == len(text)
    fed.feed(text)
    assert session.save() == fed.save()
    first = exported.session().probabilities()[0, exported.tokenizer.encode(text[0])[0]]
    np.testing.assert_allclose(nats[0], -np.log(first))
    again = exported.session().feed(text[:1])
    np.testing.assert_allclose(nats[1:], again.score(text[1:]), atol=1e-5)
