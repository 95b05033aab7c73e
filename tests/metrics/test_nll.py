from __future__ import annotations

import math
import random

import pytest
import torch

from rnnzoo.metrics import Totals, bits, perplexity
from rnnzoo.metrics.running import NLL


def batches() -> list[Totals]:
    """Uneven batches of uneven difficulty, as the last batch of an epoch is."""
    draw = random.Random(0)
    return [Totals(n * draw.uniform(1, 7), n, 2 * n, 3 * n) for n in (1000, 1000, 700, 3, 1)]


def test_the_figures_are_those_of_the_sums_not_means_of_means():
    parts = batches()
    whole = sum(parts, Totals())
    assert whole.tokens == 2704
    assert whole.nll == pytest.approx(math.fsum(p.nats for p in parts) / 2704, rel=1e-14)
    assert whole.ppl == pytest.approx(math.exp(whole.nll))
    assert abs(sum(p.nll for p in parts) / 5 - whole.nll) > 0.05  # so these batches tell the ways apart
    assert abs(sum(p.ppl for p in parts) / 5 - whole.ppl) > 1


def test_any_split_gives_the_same_figure():
    draw = torch.Generator().manual_seed(0)
    nats = torch.rand(1000, generator=draw, dtype=torch.float64)
    for size in (1, 7, 128, 1000):
        total = sum((Totals(float(part.sum()), len(part)) for part in nats.split(size)), Totals())
        assert total.nll == pytest.approx(float(nats.mean()), rel=1e-12)
        metric = NLL()
        for part in nats.split(size):
            metric.update(part.sum(), len(part))
        assert metric.compute().item() == pytest.approx(float(nats.mean()), rel=1e-12)


def test_units():
    totals = Totals(nats=8 * math.log(2), tokens=2, characters=4, bytes=8)
    assert totals.nll == pytest.approx(4 * math.log(2))
    assert totals.ppl == pytest.approx(16)
    assert (totals.bits_per_token, totals.bpc, totals.bits_per_byte) == pytest.approx((4, 2, 1))
    assert bits(math.log(2)) == pytest.approx(1)
    assert totals.to_dict()["bpc"] == totals.bpc


def test_edges():
    assert math.isnan(Totals().nll)
    assert math.isnan(Totals(1.0, tokens=1).bpc)
    assert perplexity(1e9) == math.inf


def test_running_nll_does_not_lose_small_parts_or_keep_the_graph():
    metric = NLL()
    for _ in range(1000):
        metric.update(torch.tensor(16777216.0, requires_grad=True), 16777216)  # 2^24: float32 would stop counting
    metric.update(torch.tensor(1.0), torch.tensor(0))
    assert not metric.nats.requires_grad
    assert metric.nats.item() == 1000 * 2**24 + 1
    assert metric.tokens.item() == 1000 * 2**24
    metric.reset()
    metric.update(3.0, 2)
    assert metric.compute().item() == 1.5


def test_running_nll_of_no_token_warns():
    metric = NLL()
    metric.update(0.0, 0)
    with pytest.warns(UserWarning, match="no token"):
        assert metric.compute().item() == 0


def test_running_nll_adds_up_over_processes():
    assert set(NLL()._reductions) == {"nats", "tokens"}
    assert all(reduce.__name__ == "dim_zero_sum" for reduce in NLL()._reductions.values())


def test_running_nll_keeps_its_precision_when_the_model_changes_its_own():
    metric = torch.nn.ModuleDict({"nll": NLL()}).to(torch.bfloat16).half().float()["nll"]
    metric.update(1e-9, 1)
    metric.update(1e9, 1)
    assert metric.to(torch.float16).nats.item() == 1e9 + 1e-9
    assert metric.to("cpu").compute().dtype == torch.float64
