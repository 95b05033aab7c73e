"""Output layers: probabilities that add up to one, and losses that agree with them."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from rnnzoo.embeddings import Coverage, Vectors
from rnnzoo.errors import UserError
from rnnzoo.models import LanguageModelConfig
from rnnzoo.nn import IGNORED, AdaptiveEmbedding, AdaptiveHead, LinearHead
from rnnzoo.text import CharTokenizer
from rnnzoo.training.pretrained import PretrainedEmbedding

V, H = 11, 16


@pytest.mark.parametrize("head", [LinearHead(H, V), AdaptiveHead(H, V, [3, 7])], ids=["linear", "adaptive"])
def test_the_loss_is_that_of_the_probabilities(head: LinearHead | AdaptiveHead) -> None:
    head = head.double()
    x = torch.randn(4, 5, H, dtype=torch.float64, requires_grad=True)
    targets = torch.randint(V, (20,))
    targets[[0, 7, 19]] = IGNORED
    log_p = head(x).log_softmax(-1)
    assert log_p.shape == (4, 5, V)
    want = F.nll_loss(log_p.flatten(0, 1), targets, ignore_index=IGNORED, reduction="sum")
    got = head.nll(x.flatten(0, 1), targets)
    torch.testing.assert_close(got, want)
    parameters = [x, *head.parameters()]
    for one, other in zip(torch.autograd.grad(got, parameters), torch.autograd.grad(want, parameters), strict=True):
        torch.testing.assert_close(one, other)
    torch.testing.assert_close(head(x[:, 0]), head(x)[:, 0])  # a single step


@pytest.mark.parametrize("head", [LinearHead(H, V), AdaptiveHead(H, V, [3, 7])], ids=["linear", "adaptive"])
def test_a_chunk_without_targets_costs_nothing(head: LinearHead | AdaptiveHead) -> None:
    loss = head.nll(torch.randn(3, H), torch.full((3,), IGNORED))
    assert loss.item() == 0
    loss.backward()


def test_half_precision_is_summed_in_float32() -> None:
    for head in (LinearHead(H, V).bfloat16(), AdaptiveHead(H, V, [3, 7]).bfloat16()):
        x = torch.randn(500, H).bfloat16()
        assert head.nll(x, torch.randint(V, (500,))).dtype == torch.float32


def test_cutoffs_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="2 cutoffs need 16 features, and there are 15"):
        AdaptiveHead(15, V, [3, 7])
    tokenizer = CharTokenizer("abcd")
    with pytest.raises(UserError, match="4 is not below vocab_size 4"):
        LanguageModelConfig(adaptive_cutoffs=(2, 4)).build(tokenizer)
    for bad in ((3, 2), (0, 2), (2, 2)):
        with pytest.raises(ValueError, match=r"must rise|1 <= adaptive_cutoffs\[0\]"):
            LanguageModelConfig(adaptive_cutoffs=bad)


def test_tied_an_adaptive_softmax_and_the_input_have_one_table() -> None:
    head = AdaptiveHead(H, V, [3, 7]).double()
    table = AdaptiveEmbedding(head)
    assert not list(table.parameters())
    assert table.weight.shape == (V, H) == (table.num_embeddings, table.embedding_dim)
    tokens = torch.randint(V, (4, 5))
    assert torch.equal(table(tokens), table.weight[tokens])
    # a word's vector times a hidden state is its logit in its cluster, so that differences of log-probabilities agree
    x = torch.randn(2, H, dtype=torch.float64)
    log_p = head(x)
    for begin, end in ((0, 3), (3, 7), (7, V)):
        logits = x @ table.weight[begin:end].T
        torch.testing.assert_close(log_p[:, begin:end].log_softmax(1), logits.log_softmax(1))
    assert copy.deepcopy(nn.ModuleList([head, table]))[1]._of[0] is not head


def test_tied_and_adaptive_frequent_and_rare_words_begin_alike() -> None:
    tokenizer = CharTokenizer(sorted(map(chr, range(97, 97 + 400))))
    fields = {"embedding_dim": 64, "backbone": {"hidden_size": 64}, "adaptive_cutoffs": [100, 200], "tied": True}
    model = LanguageModelConfig.from_dict(fields).build(tokenizer)
    assert isinstance(model.embedding, AdaptiveEmbedding)
    whole = LanguageModelConfig.from_dict(fields | {"adaptive_cutoffs": []}).build(tokenizer)
    vectors, wanted = model.embedding.weight.detach(), whole.embedding.weight.detach().std().item()
    spreads = [vectors[begin:end].std().item() for begin, end in ((0, 100), (100, 200), (200, 400))]
    assert spreads == pytest.approx([wanted] * 3, rel=0.1)
    frequent, rare, rarest = 102 * 64, 16 * 64 + 100 * 16, 4 * 64 + 200 * 4
    assert sum(p.numel() for p in model.head.parameters()) == frequent + rare + rarest
    assert model.num_parameters - whole.num_parameters == frequent + rare + rarest - (400 * 64 + 400)


def test_tied_and_adaptive_a_word_that_is_read_and_one_that_is_said_move_one_table() -> None:
    tokenizer = CharTokenizer("abcdefgh")
    fields = {"embedding_dim": 8, "backbone": {"hidden_size": 8}, "adaptive_cutoffs": [3], "tied": True}
    model = LanguageModelConfig.from_dict(fields).build(tokenizer)
    table = model.head.softmax.tail[0][1].weight  # type: ignore[union-attr]
    loss, _ = model.nll(torch.tensor([[6]]), torch.tensor([[0]]))  # what is said is frequent
    assert torch.autograd.grad(loss, table)[0].abs().sum(1).nonzero().flatten().tolist() == [6 - 3]
    loss, _ = model.nll(torch.tensor([[0]]), torch.tensor([[6]]))
    assert torch.autograd.grad(loss, table)[0].abs().sum(1).nonzero().flatten().tolist() == [0, 1, 2, 3, 4]


def test_tied_and_adaptive_vectors_of_a_file_have_no_place() -> None:
    tokenizer = CharTokenizer("abcdefgh")
    fields = {"embedding_dim": 8, "backbone": {"hidden_size": 8}, "adaptive_cutoffs": [3], "tied": True}
    config = LanguageModelConfig.from_dict(fields)
    with pytest.raises(UserError, match="rare words have no whole vectors"):
        PretrainedEmbedding("vectors.txt").fit(config, 8)
    vectors = Vectors(np.zeros((8, 8), np.float32), np.ones(8, bool), Coverage("vectors.txt", 8, 8, 8, 8))
    with pytest.raises(UserError, match="rare words have fewer features than the vectors of a file"):
        config.build(tokenizer).load_embeddings(vectors)
