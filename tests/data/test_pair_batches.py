"""Batches of pairs: each pair once, in one order, on any number of ranks; little padding; exactly where it was left."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import numpy as np
import pytest
import small_translator
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnzoo.data.cache import encoded_sentences
from rnnzoo.data.pair_batches import EncodedPairs, PairBatch, PairLoader
from rnnzoo.data.streams import IGNORED
from rnnzoo.errors import UserError
from rnnzoo.text import BPETokenizer, ByteTokenizer, CharTokenizer

SRC, TGT = CharTokenizer(list("abcdefgh ")), CharTokenizer(list("stuvwxyz ,.!"))
Lengths = list[tuple[int, int]]


def sentences(lengths: Lengths, seed: int = 0) -> tuple[list[str], list[str]]:
    draw = random.Random(seed)
    pairs = [("".join(draw.choices("abcdefgh ", k=a)), "".join(draw.choices("stuvwxyz", k=b))) for a, b in lengths]
    return [a for a, _ in pairs], [b for _, b in pairs]


def encode(lengths: Lengths) -> EncodedPairs:
    return EncodedPairs(*sentences(lengths), SRC, TGT)


def some_lengths(count: int, seed: int = 0, longest: int = 30) -> Lengths:
    draw = np.random.default_rng(seed)
    src = draw.integers(0, longest, count)
    return [(int(a), max(int(a + b), 0)) for a, b in zip(src, draw.integers(-3, 4, count), strict=True)]


def loaders(pairs: EncodedPairs, batch_tokens: int, ranks: int, **options: object) -> list[PairLoader]:
    return [PairLoader(pairs, batch_tokens, rank=rank, world_size=ranks, **options) for rank in range(ranks)]


def in_turns(epoch: list[list[PairBatch]]) -> list[list[int]]:
    """The pairs of each batch, over all ranks, in the order in which they are trained on; empty batches left out."""
    turns = [batch for step in itertools.zip_longest(*epoch) for batch in step if batch is not None]
    return [batch.indices.tolist() for batch in turns if batch.num_targets]


def same(a: list[PairBatch], b: list[PairBatch]) -> bool:
    return len(a) == len(b) and all(
        x.num_targets == y.num_targets and all(p.equal(q) for p, q in zip(x[:-1], y[:-1], strict=True))
        for x, y in zip(a, b, strict=True)
    )


LENGTHS = st.lists(st.tuples(st.integers(0, 25), st.integers(0, 25)), min_size=1, max_size=60)


@settings(deadline=None, max_examples=60)
@given(
    lengths=LENGTHS,
    batch_tokens=st.integers(1, 120),
    ranks=st.integers(1, 5),
    seed=st.integers(0, 5),
    evaluation=st.booleans(),
)
def test_each_pair_once_in_the_order_of_one_rank(
    lengths: Lengths, batch_tokens: int, ranks: int, seed: int, evaluation: bool
) -> None:
    pairs = encode(lengths)
    (alone,) = loaders(pairs, batch_tokens, 1, seed=seed, evaluation=evaluation)
    together = loaders(pairs, batch_tokens, ranks, seed=seed, evaluation=evaluation)
    counts = set()
    for _ in range(3):
        expected = [batch.indices.tolist() for batch in alone]
        epoch = [list(loader) for loader in together]
        assert {len(batches) for batches in epoch} == {len(together[0])}
        assert in_turns(epoch) == expected
        assert sorted(itertools.chain(*expected)) == list(range(len(lengths)))
        counts.add(len(expected))
        for batch in itertools.chain(*epoch):
            rows, width = len(batch.indices), max(batch.src.size(1), batch.tgt.size(1))
            assert rows == 1 or rows * width <= batch_tokens
            assert batch.num_targets == int((batch.targets != IGNORED).sum())
            assert batch.num_targets or batch.indices.tolist() == [-1]
        last = [batches[-1].num_targets > 0 for batches in epoch]
        assert last == sorted(last, reverse=True)  # the first ranks have what is left
    assert len(counts) == 1
    assert counts.pop() == len(alone)


@settings(deadline=None, max_examples=30)
@given(lengths=LENGTHS, batch_tokens=st.integers(1, 200))
def test_rows_are_the_sentences(lengths: Lengths, batch_tokens: int) -> None:
    src, tgt = sentences(lengths)
    for batch in PairLoader(EncodedPairs(src, tgt, SRC, TGT), batch_tokens):
        assert batch.src.size(1) == int(batch.src_lengths.max())
        assert {tensor.dtype for tensor in batch[:-1]} == {torch.int64}
        for row, index in enumerate(batch.indices.tolist()):
            length = int(batch.src_lengths[row])
            ids = SRC.encode(src[index]).tolist()
            assert batch.src[row].tolist() == ids + [SRC.vocab_size] * (batch.src.size(1) - length + 1)
            assert length == len(ids) + 1
            out = TGT.encode(tgt[index]).tolist()
            padding = batch.tgt.size(1) - len(out) - 1
            assert batch.tgt[row].tolist() == [TGT.vocab_size, *out, *[TGT.vocab_size] * padding]
            assert batch.targets[row].tolist() == [*out, TGT.vocab_size, *[IGNORED] * padding]


def test_batches_are_as_large_as_may_be() -> None:
    """No two that are neighbours in length would fit into one."""
    (loader,) = loaders(encode(some_lengths(500)), 300, 1, evaluation=True)
    longer = [max(b.src.size(1), b.tgt.size(1)) for b in loader]
    rows = [len(b.indices) for b in loader]
    assert longer == sorted(longer)
    assert all((rows[i] + 1) * max(longer[i], 1) > 300 for i in range(len(rows) - 1) if longer[i] == longer[i + 1])


def test_little_padding() -> None:
    """Of lengths that vary from 1 to 30; batches of pairs as they come would be half padding."""
    pairs = encode(some_lengths(4000))
    src, tgt = (lengths[:4000].reshape(-1, 40) for lengths in (pairs.src_lengths, pairs.tgt_lengths))
    assert 1 - (src.sum() + tgt.sum()) / (40 * (src.max(1) + tgt.max(1)).sum()) > 0.45
    loader = PairLoader(pairs, 1000)
    held = sum(batch.src.numel() + batch.tgt.numel() for batch in loader)
    used = int(pairs.src_lengths.sum() + pairs.tgt_lengths.sum())
    assert loader.padding == pytest.approx(1 - used / held)
    assert loader.padding < 0.05
    assert PairLoader(pairs, 250).padding < 0.03


def test_a_pair_that_is_too_long_is_a_batch_of_its_own() -> None:
    loader = PairLoader(encode([(3, 2), (90, 4), (2, 3), (4, 80)]), 20)
    assert sorted(sorted(batch.indices.tolist()) for batch in loader) == [[0, 2], [1], [3]]


def test_each_epoch_has_its_own_order_and_the_same_again() -> None:
    def epochs(seed: int) -> list[list[list[int]]]:
        loader = PairLoader(encode(some_lengths(300, longest=10)), 100, seed=seed)
        return [[batch.indices.tolist() for batch in loader] for _ in range(4)]

    first = epochs(1)
    assert first == epochs(1)
    assert first[0] != epochs(2)[0]
    orders = [[sorted(batch) for batch in epoch] for epoch in first]
    assert orders[0] != orders[1]
    assert sorted(orders[0]) != sorted(orders[1])  # pairs of equal lengths change batches too
    again = PairLoader(encode(some_lengths(300, longest=10)), 100, seed=1)
    again.load_state_dict({"epoch": 2, "batch": 3})
    assert [batch.indices.tolist() for batch in again] == first[2][3:]


def test_evaluation_is_the_same_each_time() -> None:
    loader = PairLoader(encode(some_lengths(100)), 100, seed=1, evaluation=True)
    assert same(list(loader), list(loader))


@pytest.mark.parametrize("ranks", [1, 2, 3, 4])
def test_state_at_every_batch_gives_exactly_the_rest(ranks: int) -> None:
    """On as many ranks as before, and on others: the order of all goes on."""
    pairs, epochs = encode(some_lengths(130)), 3
    together = loaders(pairs, 200, ranks, seed=5)
    batches = len(together[0].cuts) - 1
    assert batches % 2 == 1, "the test does not try what it says"
    alone = PairLoader(pairs, 200, seed=5)
    whole = [batch.indices.tolist() for _ in range(epochs) for batch in alone]
    done = 0
    for step in itertools.chain.from_iterable(zip(*together, strict=True) for _ in range(epochs)):
        done += sum(batch.num_targets > 0 for batch in step)
        states = [loader.state_dict() for loader in together]  # as a checkpoint would, while these are trained on
        assert states == [{"epoch": done // batches, "batch": done % batches}] * ranks
        for now in (1, 2, 4, ranks):
            resumed = loaders(pairs, 200, now, seed=5)
            for loader in resumed:
                loader.load_state_dict(states[0])
            rest: list[list[int]] = []
            while len(rest) < len(whole) - done:
                assert {loader.remaining for loader in resumed} == {-(-(batches - resumed[0].next_batch) // now)}
                rest += in_turns([list(loader) for loader in resumed])
            assert rest == whole[done:]


def test_an_epoch_that_is_broken_off_begins_again() -> None:
    pairs = encode(some_lengths(100))
    loader, whole = PairLoader(pairs, 100), list(PairLoader(pairs, 100))
    list(itertools.islice(loader, 3))
    assert loader.state_dict() == {"epoch": 0, "batch": 3}
    assert same(list(loader), whole)
    assert loader.state_dict() == {"epoch": 1, "batch": 0}


def test_a_trainer_that_reads_only_some_batches_goes_on_to_the_next_epoch() -> None:
    pairs = encode(some_lengths(100))
    alone = PairLoader(pairs, 100)
    epochs = [[batch.indices.tolist() for batch in alone][:6] for _ in range(2)]
    together = loaders(pairs, 100, 2, limit=3)
    for expected in epochs:
        assert in_turns([list(itertools.islice(loader, 3)) for loader in together]) == expected
    assert together[0].state_dict() == {"epoch": 2, "batch": 0}
    past = PairLoader(pairs, 100, limit=3)
    past.load_state_dict({"epoch": 0, "batch": 6})  # of two ranks, at their limit
    assert past.state_dict() == {"epoch": 1, "batch": 0}


def test_ids_are_mapped_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RNNZOO_CACHE", str(tmp_path))
    lengths = some_lengths(6000)
    first, second = encode(lengths), encode(lengths)
    assert len(list((tmp_path / "tokens").iterdir())) == 2
    for pairs in (first, second):
        for side in (pairs._src, pairs._tgt):
            assert isinstance(side.ids, np.memmap)
            assert side.ids.dtype == np.uint8
    assert same(list(PairLoader(first, 1000)), list(PairLoader(second, 1000)))
    for batch in PairLoader(second, 1000):  # a step may write into its batch; the file is read-only
        batch.src.zero_()


def test_sentences_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same text cut elsewhere is another file; newlines are characters like others."""
    monkeypatch.setenv("RNNZOO_CACHE", str(tmp_path))
    bytes_ = ByteTokenizer()
    for texts in (["ab\nc" * 40, "d"] * 500, ["ab", "\ncab\nc" + "ab\nc" * 38 + "d"] * 500, ["", "\n\x80é"] * 40_000):
        ids = encoded_sentences(texts, bytes_)
        assert ids.dtype == np.uint16  # 256 bytes and the boundary
        cut = np.split(np.asarray(ids), np.flatnonzero(ids == 256) + 1)
        assert [bytes_.decode(one[:-1]) for one in cut[:-1]] == texts
        assert not len(cut[-1])
    assert len(list((tmp_path / "tokens").iterdir())) == 3
    assert encoded_sentences([], bytes_).tolist() == []


# -------------------------------------------------------------------------------------- empty batches


@pytest.mark.parametrize("cell", ["lstm", "gru", "layernorm_lstm", "sru"])
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"attention": None, "bidirectional": False, "reverse_source": True},
        {"attention": "additive", "input_feeding": True, "shared": "decoder", "embedding_dropout": 0.3},
    ],
    ids=["general", "none", "additive"],
)
def test_an_empty_batch_has_no_loss_and_no_gradient(cell: str, fields: dict[str, object]) -> None:
    sizes = {"encoder": {"cell": cell, "hidden_size": 8}, "decoder": {"cell": cell, "hidden_size": 8}}
    model = small_translator.small_translator(**sizes, **fields).train()
    pairs = EncodedPairs(["abc"], ["stu"], model.src_tokenizer, model.tgt_tokenizer)
    (empty,) = PairLoader(pairs, 100, rank=1, world_size=2)
    assert empty.num_targets == 0
    assert empty.indices.tolist() == [-1]
    loss = model.nll(empty.src, empty.src_lengths, empty.tgt, empty.targets)
    assert float(loss.detach()) == 0.0
    loss.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name  # DistributedDataParallel waits for each
        assert bool((parameter.grad == 0).all()), name


def test_bad_input_is_one_line() -> None:
    for make, message in [
        (lambda: PairLoader(encode([]), 10), "no pairs"),
        (lambda: PairLoader(encode([(1, 1)]), 0), "batch_tokens must be at least 1, not 0"),
        (lambda: EncodedPairs(["aß"], ["s"], SRC, TGT), "'ß'"),
    ]:
        with pytest.raises(UserError, match=message) as caught:
            make()
        assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="2 sources and 1 targets"):
        EncodedPairs(["a", "b"], ["s"], SRC, TGT)


def test_words_in_other_pieces_each_epoch_whoever_shares_the_batch() -> None:
    draw = np.random.default_rng(0)
    words = ["hello", "house", "hold", "sold", "mouse", "cold"]
    texts = [" ".join(draw.choice(words, 3)) for _ in range(40)]
    tokenizer = BPETokenizer.train(texts, 300, min_frequency=1)
    pairs = EncodedPairs(texts, texts[::-1], tokenizer, tokenizer, bpe_dropout=0.4)

    def read(rows: list[int], seed: tuple[int, ...] | None) -> dict[int, list[list[int]]]:
        batch, found = pairs.batch(np.array(rows), seed), {}
        assert batch.num_targets == int((batch.targets != IGNORED).sum())
        for i, row in enumerate(rows):
            src, out = batch.src[i, : batch.src_lengths[i]], batch.targets[i][batch.targets[i] != IGNORED]
            assert src[-1] == out[-1] == batch.tgt[i, 0] == tokenizer.vocab_size
            assert batch.tgt[i, 1 : len(out)].tolist() == out[:-1].tolist()
            assert (tokenizer.decode(src[:-1]), tokenizer.decode(out[:-1])) == (texts[row], texts[::-1][row])
            found[row] = [src.tolist(), out.tolist()]
        return found

    first = read([3, 4, 5, 6], (1, 0))
    assert read([6, 20, 3], (1, 0)) | first == {**first, **read([20], (1, 0))}  # not the batch's doing
    assert read([3, 4, 5, 6], (1, 1)) != first
    assert read([3, 4, 5, 6], (2, 0)) != first
    plain = read(list(range(40)), None)
    assert [len(plain[row][0]) for row in range(40)] == pairs.src_lengths.tolist()
    loader = PairLoader(pairs, 60, seed=5)
    assert not same(list(loader), list(PairLoader(pairs, 60, seed=6)))
    half = PairLoader(pairs, 60, seed=5)
    begun = iter(half)
    next(begun)
    going_on = PairLoader(pairs, 60, seed=5)
    going_on.load_state_dict(half.state_dict())
    assert same(list(going_on), list(PairLoader(pairs, 60, seed=5))[1:])  # a resumed epoch has the same pieces
    steady = [list(PairLoader(pairs, 60, seed=seed, evaluation=True)) for seed in (0, 1)]
    assert same(*steady)
    assert sum(batch.num_targets for batch in steady[0]) == int(pairs.tgt_lengths.sum())
