"""Output layers: probabilities that add up to one, and losses that agree with them."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from rnnzoo.errors import UserError
from rnnzoo.models import LanguageModelConfig
from rnnzoo.nn import IGNORED, AdaptiveHead, LinearHead
from rnnzoo.text import CharTokenizer

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
        with pytest.raises(ValueError, match="must rise"):
            LanguageModelConfig(adaptive_cutoffs=bad)
    with pytest.raises(ValueError, match="exclude each other"):
        LanguageModelConfig(adaptive_cutoffs=(2,), tied=True)
