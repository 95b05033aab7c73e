"""The encoder-decoder: step equals sequence, padding and neighbours change nothing, every kind of part."""

from __future__ import annotations

import pytest
import torch

from rnnzoo import state as states
from rnnzoo.cells import CellConfig
from rnnzoo.errors import UserError
from rnnzoo.models import Seq2Seq, Seq2SeqConfig
from rnnzoo.nn import IGNORED
from rnnzoo.nn.attention import AttentionConfig
from rnnzoo.text import CharTokenizerConfig

ATTENTION = sorted(AttentionConfig.names())
TOKENIZER = CharTokenizerConfig().build(["abcdefgh"])


def build(cell: str = "gru", **fields: object) -> Seq2Seq:
    torch.manual_seed(0)
    stack = {"cell": cell, "hidden_size": 8}
    base = {"embedding_dim": 6, "encoder": {"cell": cell, "hidden_size": 4}, "decoder": stack}
    return Seq2SeqConfig.from_dict(base | fields).build(TOKENIZER).double()


def sentences() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(1)
    lengths = torch.tensor([5, 1, 3])
    src = torch.randint(8, (3, 5), generator=draw)
    tgt = torch.randint(8, (3, 4), generator=draw)
    tgt[:, 0] = 8
    targets = torch.cat((tgt[:, 1:], torch.full((3, 1), 8)), 1)
    targets[1, 2:] = IGNORED
    for row, length in enumerate(lengths):
        src[row, length - 1 :] = 8
    return src, lengths, tgt, targets


def close(a: torch.Tensor, b: torch.Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


FORMS = [
    *({"attention": kind} for kind in ATTENTION),
    *({"attention": kind, "input_feeding": True} for kind in ("dot", "additive")),
    {"attention": None},
    {"attention": None, "bridge": "copy", "reverse_source": True},
    {"bridge": "copy"},
    {"bridge": "zero", "reverse_source": True},
    {"bidirectional": False, "reverse_source": True, "encoder": {"cell": "gru", "hidden_size": 8}},
    {"shared": "all", "readout_size": 6},
    {"shared": "decoder", "input_feeding": True},
    {"decoder": {"cell": "gru", "hidden_size": 8, "num_layers": 2, "residual": True}, "readout_size": 5},
]


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_step_is_forward(form: dict[str, object]) -> None:
    model = build(**form).eval()
    src, lengths, tgt, _ = sentences()
    logits = model(src, lengths, tgt)
    state, memory = model.encode(src, lengths)
    for t in range(tgt.size(1)):
        one, state = model.step(tgt[:, t], state, memory)
        close(one, logits[:, t])


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_neither_padding_nor_neighbours_matter(form: dict[str, object]) -> None:
    model = build(**form).eval()
    src, lengths, tgt, _ = sentences()
    logits = model(src, lengths, tgt)
    noisy = torch.cat((src, torch.zeros(3, 2, dtype=torch.long)), 1)
    for row, length in enumerate(lengths):
        noisy[row, length:] = torch.arange(7 - length) % 8
    close(model(noisy, lengths, tgt), logits)
    order = torch.tensor([2, 0])
    close(model(src[order], lengths[order], tgt[order]), logits[order])
    for row, length in enumerate(lengths):
        close(model(src[row : row + 1, :length], lengths[row : row + 1], tgt[row : row + 1])[0], logits[row])


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_state_and_memory_can_be_gathered(form: dict[str, object]) -> None:
    model = build(**form).eval()
    src, lengths, tgt, _ = sentences()
    state, memory = model.encode(src, lengths)
    order = torch.tensor([2, 2, 0])
    logits, _ = model.step(tgt[:, 0], state, memory)
    picked, _ = model.step(tgt[order, 0], states.gather(state, order), states.gather(memory, order))
    close(picked, logits[order])


@pytest.mark.parametrize("kind", ATTENTION)
@pytest.mark.parametrize("reverse", [False, True])
def test_attention_weights(kind: str, reverse: bool) -> None:
    model = build(attention=kind, reverse_source=reverse).eval()
    src, lengths, tgt, _ = sentences()
    weights = model.attention(src, lengths, tgt)
    assert weights.shape == (3, 4, 5)
    close(weights.sum(-1), torch.ones(3, 4, dtype=torch.float64))
    for row, length in enumerate(lengths):
        assert (weights[row, :, length:] == 0).all()
        assert (weights[row, :, :length] > 0).all()
    # Reading order: the row with one source token looks at that one.
    close(weights[1, :, 0], torch.ones(4, dtype=torch.float64))


@pytest.mark.parametrize("kind", ATTENTION)
def test_attention_is_its_formula(kind: str) -> None:
    torch.manual_seed(0)
    layer = AttentionConfig.from_dict(kind).build(4, 4).double()
    q, k = torch.randn(1, 1, 4, dtype=torch.float64), torch.randn(1, 3, 4, dtype=torch.float64)
    w = {name: p.detach() for name, p in layer.named_parameters()}
    vector, keys = q[0, 0], k[0]
    if kind == "multi_head":
        query = (w["query.weight"] @ vector + w["query.bias"]).view(4, 1)
        read, looked = [], []
        for head in range(4):
            key = (keys @ w["key.weight"].T + w["key.bias"])[:, head]
            value = (keys @ w["value.weight"].T + w["value.bias"])[:, head]
            share = torch.softmax(key * query[head, 0], 0)
            read.append(share @ value)
            looked.append(share)
        expected = w["output.weight"] @ torch.stack(read) + w["output.bias"]
        weights = torch.stack(looked).mean(0)
    else:
        scores = {
            "dot": lambda: keys @ vector,
            "scaled": lambda: keys @ vector / 2,
            "general": lambda: keys @ w["key.weight"].T @ vector,
            "additive": lambda: (
                torch.tanh(w["query.weight"] @ vector + w["query.bias"] + keys @ w["key.weight"].T)
                @ w["score.weight"][0]
            ),
        }[kind]()
        weights = scores.softmax(0)
        expected = weights @ keys
    context, found = layer(q, layer.prepare(k, torch.ones(1, 3, dtype=torch.bool)))
    close(context[0, 0], expected)
    close(found[0, 0], weights)


def test_nll_counts_what_is_not_ignored() -> None:
    model = build().eval()
    src, lengths, tgt, targets = sentences()
    logp = model(src, lengths, tgt).log_softmax(-1)
    expected = -sum(logp[b, t, targets[b, t]] for b in range(3) for t in range(4) if targets[b, t] != IGNORED)
    close(model.nll(src, lengths, tgt, targets), torch.as_tensor(expected))


def test_gradients_do_not_reach_padding() -> None:
    model = build(shared="all")
    src, lengths, tgt, targets = sentences()
    model.nll(src, lengths, tgt, targets).backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())


def test_shared_tables_are_one() -> None:
    model = build(shared="all")
    assert model.head.weight is model.tgt_embedding.weight is model.src_embedding.weight
    half = model.half()
    assert half.head.weight is half.tgt_embedding.weight is half.src_embedding.weight


@pytest.mark.parametrize("cell", CellConfig.names())
def test_every_cell_in_both_halves(cell: str) -> None:
    model = build(cell=cell, bidirectional=True).eval()
    src, lengths, tgt, targets = sentences()
    logits = model(src, lengths, tgt)
    state, memory = model.encode(src, lengths)
    for t in range(tgt.size(1)):
        one, state = model.step(tgt[:, t], state, memory)
        torch.testing.assert_close(one, logits[:, t], rtol=0, atol=1e-10)
    model.train().nll(src, lengths, tgt, targets).backward()
    assert all(p.grad is not None for p in model.parameters())


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"attention": "dot", "decoder": {"cell": "gru", "hidden_size": 9}}, "one size"),
        ({"bridge": "copy", "decoder": {"cell": "gru", "hidden_size": 9}}, "copy needs"),
        ({"attention": {"name": "multi_head", "heads": 3}}, "heads"),
        ({"attention": None, "cell": "lru"}, "nothing to project"),
    ],
)
def test_parts_that_do_not_fit(form: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(**form)  # type: ignore[arg-type]


def test_contradictions_are_refused() -> None:
    for fields in ({"attention": None, "bridge": "zero"}, {"shared": "all", "readout_size": 3}):
        with pytest.raises(UserError):
            Seq2SeqConfig.from_dict(fields)
    with pytest.raises(UserError, match="no attention"):
        build(attention=None).attention(*sentences()[:3])


def test_input_feeding_locks_the_dropout_over_the_steps() -> None:
    """The decoder's dropout falls on the same units at every step, though it is unrolled step by step."""
    stacks = {"encoder": {"cell": "gru", "hidden_size": 4}, "embedding_dim": 6, "input_feeding": True}
    decoder = {"cell": "lstm", "hidden_size": 64, "num_layers": 2, "hidden_dropout": 0.5, "locked_dropout": True}
    torch.manual_seed(0)
    model = Seq2SeqConfig.from_dict({**stacks, "decoder": decoder}).build(CharTokenizerConfig().build(["abcdefghi"]))
    seen: list[torch.Tensor] = []
    model.decoder.dropout.register_forward_hook(lambda module, inputs, output: seen.append(output == 0))
    model.train().features(torch.randint(0, 9, (2, 5)), torch.tensor([5, 5]), torch.randint(0, 9, (2, 6)))
    assert len(seen) == 6
    assert all(torch.equal(one, seen[0]) for one in seen)
    assert 40 < seen[0].sum() < 88  # of 128
