"""Streams: every prediction once, in order, on any number of ranks; and exactly where it was left off."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnzoo.data.streams import IGNORED, Chunk, StreamLoader, TokenStreams
from rnnzoo.errors import UserError

Row = list[tuple[int, int]]


def ids(n: int) -> np.ndarray:
    """Every token is its own place, so a prediction says where it comes from."""
    return np.arange(n, dtype=np.uint16)


def rows(chunks: list[Chunk]) -> list[Row]:
    """The (token, target) pairs of each row, in the order in which they come."""
    found: list[Row] = [[] for _ in chunks[0].reset]
    for chunk in chunks:
        assert chunk.tokens.shape == chunk.targets.shape
        for row, tokens, targets in zip(found, chunk.tokens.tolist(), chunk.targets.tolist(), strict=True):
            row += [pair for pair in zip(tokens, targets, strict=True) if pair[1] != IGNORED]
    return found


def loaders(n: int, streams: int, chunk_len: int, ranks: int, **options: object) -> list[StreamLoader]:
    return [
        StreamLoader(TokenStreams(ids(n), streams), chunk_len, rank=rank, world_size=ranks, **options)
        for rank in range(ranks)
    ]


def same(a: list[Chunk], b: list[Chunk]) -> bool:
    return len(a) == len(b) and all(
        x.number == y.number
        and x.num_targets == y.num_targets
        and x.reset.equal(y.reset)
        and x.tokens.equal(y.tokens)
        and x.targets.equal(y.targets)
        for x, y in zip(a, b, strict=True)
    )


@settings(deadline=None, max_examples=60)
@given(
    n=st.integers(2, 300),
    per_rank=st.integers(1, 3),
    ranks=st.sampled_from([1, 2, 4, 8]),
    chunk_len=st.integers(1, 40),
    random_phase=st.booleans(),
    seed=st.integers(0, 5),
    epochs=st.integers(1, 3),
)
def test_union_over_ranks_is_the_corpus(
    n: int, per_rank: int, ranks: int, chunk_len: int, random_phase: bool, seed: int, epochs: int
) -> None:
    """Each rank's rows, one after the other, are the text: nothing twice, nothing left out, in order."""
    streams = per_rank * ranks
    if n <= streams:
        with pytest.raises(UserError, match="too few"):
            TokenStreams(ids(n), streams)
        return
    all_ranks = loaders(n, streams, chunk_len, ranks, random_phase=random_phase, seed=seed)
    for _ in range(epochs):
        epoch = [list(loader) for loader in all_ranks]
        pairs = [pair for chunks in epoch for row in rows(chunks) for pair in row]
        assert pairs == [(i, i + 1) for i in range(n - 1)]
        lengths = {len(row) for chunks in epoch for row in rows(chunks)}
        assert max(lengths) - min(lengths) <= 1
        for loader, chunks in zip(all_ranks, epoch, strict=True):
            assert len(chunks) == len(loader) == math.ceil(max(lengths) / chunk_len)
            assert [chunk.number for chunk in chunks] == list(range(len(chunks)))
            widths = [chunk.tokens.shape for chunk in chunks]
            assert widths == [chunk.tokens.shape for chunk in epoch[0]]  # ranks stay in step
            for chunk in chunks:
                assert chunk.num_targets == int((chunk.targets != IGNORED).sum())
                assert bool((chunk.reset == (chunk.number == 0)).all())


@settings(deadline=None, max_examples=60)
@given(n=st.integers(2, 120), streams=st.integers(1, 9), ranks=st.integers(1, 8), chunk_len=st.integers(1, 30))
def test_evaluation_on_any_number_of_ranks(n: int, streams: int, ranks: int, chunk_len: int) -> None:
    """Streams that the ranks do not divide, or fewer streams than ranks: still each prediction once."""
    streams = min(streams, n - 1)
    epoch = [list(loader) for loader in loaders(n, streams, chunk_len, ranks, evaluation=True)]
    pairs = sorted(pair for chunks in epoch for row in rows(chunks) for pair in row)
    assert pairs == [(i, i + 1) for i in range(n - 1)]
    assert sum(chunk.num_targets for chunks in epoch for chunk in chunks) == n - 1
    assert len({len(chunks) for chunks in epoch}) == 1
    assert len({chunk.tokens.shape for chunks in epoch for chunk in chunks if chunk.number == 0}) == 1


def test_training_streams_must_be_divisible_by_the_ranks() -> None:
    with pytest.raises(UserError, match="streams = 6 cannot be shared by 4 ranks"):
        loaders(100, 6, 5, 4)


def test_chunks_follow_one_another_without_a_gap() -> None:
    chunks = list(StreamLoader(TokenStreams(ids(1 + 4 * 10), 4), 4))
    for before, after in itertools.pairwise(chunks):
        assert before.targets[:, -1].equal(after.tokens[:, 0])
    assert [chunk.tokens.shape[1] for chunk in chunks] == [4, 4, 2]


def test_random_phase_is_another_in_each_epoch_and_the_same_again() -> None:
    def epochs(seed: int) -> list[tuple[int, ...]]:
        loader = StreamLoader(TokenStreams(ids(501), 4), 10, random_phase=True, seed=seed)
        return [tuple(chunk.tokens.shape[1] for chunk in loader) for _ in range(40)]

    first = epochs(1)
    assert first == epochs(1)
    assert first != epochs(2)
    assert {widths[0] for widths in first} == set(range(1, 11))  # every phase occurs
    assert {len(widths) for widths in first} == {13}  # 125 steps by 10
    assert all(sum(widths) == 125 and set(widths[1:-1]) == {10} and widths[-1] < 20 for widths in first)


def test_variable_chunks() -> None:
    """Lengths about 70, some about half of it, all of the text in as many chunks in every epoch."""
    (loader,) = loaders(60_001, 2, 70, 1, variable=True, seed=4)
    epochs = [list(loader) for _ in range(3)]
    for chunks in epochs:
        assert len(chunks) == len(loader) == math.ceil(30_000 / (70 * 0.975))
        assert rows(chunks) == rows(list(loaders(60_001, 2, 70, 1)[0]))
        lengths = np.array([chunk.tokens.size(1) for chunk in chunks])
        assert [chunk.scale for chunk in chunks] == pytest.approx(lengths / 70)
        whole, half = lengths[lengths > 52], lengths[lengths <= 52]
        assert 68 < whole.mean() < 72
        assert 4 < whole.std() < 6
        assert 0.02 < len(half) / len(lengths) < 0.09
        assert 30 < half.mean() < 40
    assert [c.scale for c in epochs[0]] != [c.scale for c in epochs[1]]
    (again,) = loaders(60_001, 2, 70, 1, variable=True, seed=4)
    again.load_state_dict({"epoch": 1, "chunk": 7})
    assert same(list(again), epochs[1][7:])


def test_one_chunk_longer_than_the_streams() -> None:
    for random_phase in (False, True):
        (chunk,) = StreamLoader(TokenStreams(ids(8), 2), 1000, random_phase=random_phase)
        assert chunk.tokens.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
        assert chunk.targets.tolist() == [[1, 2, 3, 4], [5, 6, 7, IGNORED]]
        assert chunk.num_targets == 7


@pytest.mark.parametrize("random_phase", [False, True])
def test_state_at_every_chunk_gives_exactly_the_rest(random_phase: bool) -> None:
    """Also at the end of an epoch; the loader that is loaded into is new."""
    per_epoch, epochs = 7, 3

    def new() -> StreamLoader:
        return StreamLoader(TokenStreams(ids(200), 3), 10, random_phase=random_phase, seed=5)

    loader, seen, states = new(), [], []
    for _ in range(epochs):
        for chunk in loader:
            seen.append(chunk)
            states.append(loader.state_dict())  # as a checkpoint would, while this chunk is trained on
    assert len(seen) == per_epoch * epochs
    for done, state in enumerate(states, start=1):
        resumed = new()
        resumed.load_state_dict(state)
        rest: list[Chunk] = []
        while len(rest) + done < len(seen):
            rest += list(resumed)
        assert same(rest, seen[done:])
        assert resumed.state_dict() == states[-1]


def test_state_is_plain_numbers() -> None:
    assert StreamLoader(TokenStreams(ids(20), 2), 3).state_dict() == {"epoch": 0, "chunk": 0}


def test_an_epoch_that_is_broken_off_begins_again() -> None:
    loader = StreamLoader(TokenStreams(ids(200), 4), 10, random_phase=True)
    whole = list(StreamLoader(TokenStreams(ids(200), 4), 10, random_phase=True))
    for chunk in loader:
        if chunk.number == 2:
            break
    assert loader.state_dict() == {"epoch": 0, "chunk": 3}
    assert same(list(loader), whole)
    assert loader.state_dict() == {"epoch": 1, "chunk": 0}


def test_a_trainer_that_reads_only_some_chunks_goes_on_to_the_next_epoch() -> None:
    """Also from a checkpoint at the limit; the chunks past it are left out, not read later."""
    whole = StreamLoader(TokenStreams(ids(200), 4), 10, random_phase=True)
    epochs = [list(whole)[:3] for _ in range(3)]
    loader = StreamLoader(TokenStreams(ids(200), 4), 10, random_phase=True, limit=3)
    assert len(loader) == len(whole) == 5
    assert same([chunk for _ in range(3) for chunk in itertools.islice(loader, 3)], [c for e in epochs for c in e])
    assert loader.state_dict() == {"epoch": 3, "chunk": 0}
    assert [chunk.number for chunk in StreamLoader(TokenStreams(ids(200), 4), 10, limit=100)] == [0, 1, 2, 3, 4]


def test_an_iterator_that_is_made_but_not_used_changes_nothing() -> None:
    """Trainers make iterators ahead of time."""
    loader = StreamLoader(TokenStreams(ids(200), 4), 10)
    loader.load_state_dict({"epoch": 0, "chunk": 2})
    iter(loader)
    assert next(iter(loader)).number == 2


def test_a_memmap_is_read_as_an_array_is(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 300, 5000).astype(np.uint16)
    np.save(tmp_path / "ids.npy", values)
    mapped = np.load(tmp_path / "ids.npy", mmap_mode="r")
    assert isinstance(mapped, np.memmap)
    a, b = (list(StreamLoader(TokenStreams(source, 7), 50)) for source in (values, mapped))
    assert same(a, b)
    for chunk in b:  # a training step may write into its batch; the file is read-only
        chunk.tokens.zero_()
    assert np.array_equal(np.load(tmp_path / "ids.npy"), values)


def test_bad_input_is_one_line() -> None:
    for make, message in [
        (lambda: TokenStreams(ids(4), 4, "a.txt"), r"a\.txt: 4 tokens are too few for 4 streams"),
        (lambda: TokenStreams(ids(0), 1), "0 tokens are too few"),
        (lambda: TokenStreams(ids(1), 1), "1 tokens are too few"),
        (lambda: TokenStreams(ids(10), 0), "streams must be at least 1, not 0"),
        (lambda: StreamLoader(TokenStreams(ids(10), 1), 0), "chunk_len must be at least 1, not 0"),
    ]:
        with pytest.raises(UserError, match=message) as caught:
            make()
        assert "\n" not in str(caught.value)
