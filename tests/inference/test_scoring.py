from __future__ import annotations

import io
import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from rnnzoo.backbones import StackConfig
from rnnzoo.errors import UserError
from rnnzoo.inference.scoring import surprisal
from rnnzoo.inference.scoring.adaptation import Adaptation
from rnnzoo.inference.scoring.dynamic import DynamicConfig
from rnnzoo.inference.scoring.neural_cache import CacheConfig
from rnnzoo.inference.scoring.text import score_adapting, score_text
from rnnzoo.models import LanguageModel, LanguageModelConfig
from rnnzoo.text import ByteTokenizer, CharTokenizer, Tokenizer, WordTokenizer

CHARACTERS = CharTokenizer(sorted("\n abcdefgh.éẅ"))
TEXT = "abc. défgh\n" * 30


def build(tokenizer: Tokenizer) -> LanguageModel:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return LanguageModelConfig(8, 0.3, 0.3, StackConfig(hidden_size=12), 0.3).build(tokenizer).double()


def expected(model: LanguageModel, text: str, first: int) -> torch.Tensor:
    """All tokens in one forward, dropout off."""
    ids = torch.from_numpy(model.tokenizer.encode(text).astype("int64"))
    model.eval()
    with torch.no_grad():
        logits = model(torch.cat([torch.tensor([first]), ids[:-1]])[None])[0][0]
    return F.cross_entropy(logits, ids, reduction="none")


@pytest.mark.parametrize("chunk_len", [1, 7, 1024])
def test_every_token_is_counted_and_chunks_do_not_matter(monkeypatch, chunk_len):
    monkeypatch.setattr(surprisal, "CHUNK_LEN", chunk_len)
    model = build(CHARACTERS)
    nats = expected(model, TEXT, first=0)
    scores = score_text(model.train(), TEXT)
    np.testing.assert_allclose(scores.nats, nats.numpy(), rtol=1e-10)
    assert scores.totals.nats == pytest.approx(nats.sum().item(), rel=1e-12)
    assert scores.totals.tokens == scores.totals.characters == len(TEXT) == len(scores.ids)
    assert scores.totals.bytes == len(TEXT.encode())
    np.testing.assert_allclose(scores.bits, scores.nats / math.log(2))
    assert scores.tokens == list(TEXT)
    assert model.training


def test_bytes_of_which_several_make_a_character():
    model = build(ByteTokenizer())
    totals = score_text(model, "é€").totals
    assert (totals.tokens, totals.characters, totals.bytes) == (5, 2, 5)
    assert totals.nats == pytest.approx(expected(model, "é€", first=10).sum().item())
    assert totals.bpc == pytest.approx(totals.bits_per_byte * 5 / 2)


def test_a_normalised_text_counts_the_characters_it_was_given():
    model = build(CharTokenizer("\neé", nfc=True))
    totals = score_text(model, "e\u0301").totals
    assert (totals.tokens, totals.characters, totals.bytes) == (1, 2, 3)


def test_unknown_characters():
    model = build(CHARACTERS)
    with pytest.raises(UserError, match="'Z'"):
        score_text(model, "aZb")
    scores = score_text(model, "aZé€Z", unknown="drop")
    assert scores.left_out == ("Z", "€")
    assert (scores.totals.tokens, scores.totals.characters, scores.totals.bytes) == (2, 2, 3)
    assert scores.totals == score_text(model, "aé").totals


def test_nothing_to_score():
    model = build(CHARACTERS)
    with pytest.raises(UserError, match="no text"):
        score_text(model, "")
    with pytest.raises(UserError, match="no text"):
        score_text(model, "ZZ", unknown="drop")


def test_a_broken_model():
    model = build(CHARACTERS)
    with torch.no_grad():
        model.head.bias.fill_(math.nan)
    with pytest.raises(UserError, match="NaN"):
        score_text(model, "abc")


def test_half_precision_is_scored_in_float32():
    model = build(CHARACTERS)
    exact = score_text(model, TEXT).totals.nll
    assert score_text(model.bfloat16(), TEXT).totals.nll == pytest.approx(exact, abs=0.02)


def test_tsv():
    model = build(CharTokenizer(["\n", "\t", "\\", '"', " ", "\u00a0", "é"]))
    text = '\n\t\\" \u00a0é'
    file = io.StringIO()
    scores = score_text(model, text)
    scores.write_tsv(file)
    header, *lines = file.getvalue().removesuffix("\n").split("\n")
    assert header == "index\ttoken\tbits"
    rows = [line.split("\t") for line in lines]
    assert [row[0] for row in rows] == list("0123456")
    assert [row[1] for row in rows] == ["\\n", "\\t", "\\\\", '"', " ", "\\xa0", "é"]
    np.testing.assert_allclose([float(row[2]) for row in rows], scores.bits, atol=1e-6)


LINES = WordTokenizer(["<eos>", "<unk>", "the", "cat", "sat"])
RAW = WordTokenizer(["\n", "<unk>", "the", " cat", " sat", "."], "raw")


def test_words_the_model_does_not_know_are_counted_beside():
    """Characters and bytes are those of the text; an <unk> that stands in the text is a word like any other."""
    text = " the zebra sat \n the <unk> cät \n"
    scores = score_text(build(LINES), text)
    assert scores.tokens == ["the", "<unk>", "sat", "<eos>", "the", "<unk>", "<unk>", "<eos>"]
    assert scores.unknown == scores.to_dict()["unknown"] == 2
    totals = scores.totals
    assert (totals.tokens, totals.characters, totals.bytes) == (8, len(text), len(text.encode()))
    assert totals.bpc == pytest.approx(totals.bits_per_token * 8 / len(text))
    np.testing.assert_allclose(scores.nats, expected(build(LINES), text, first=0).numpy(), rtol=1e-10)


@pytest.mark.parametrize(
    ("tokenizer", "text", "kept", "left_out"),
    [(LINES, "the big cat\n", "the cat\n", ("big",)), (RAW, "the big cat.\n", "the cat.\n", (" big",))],
)
def test_words_may_be_left_out(tokenizer, text, kept, left_out):
    model = build(tokenizer)
    scores = score_text(model, text, unknown="drop")
    assert (scores.unknown, scores.left_out) == (0, left_out)
    assert scores.totals == score_text(model, kept).totals


def test_unknown_characters_of_a_vocabulary_with_unk():
    scores = score_text(build(CharTokenizer("\nab", has_unk=True)), "abcb")
    assert (scores.unknown, scores.totals.characters) == (1, 4)


def test_scores_with_and_without_adaptation():
    model = build(CHARACTERS).train()
    both = Adaptation(DynamicConfig(lr=0.3), CacheConfig(theta=1.0))
    found = score_adapting(model, TEXT, both)
    assert list(found) == ["static", "dynamic", "cache", "dynamic_cache"]
    for name, adaptation in {
        "static": None,
        "dynamic": Adaptation(both.dynamic),
        "cache": Adaptation(cache=both.cache),
        "dynamic_cache": both,
    }.items():
        np.testing.assert_array_equal(model.score(TEXT, adaptation=adaptation).nats, found[name].nats)
    assert {len(scores.nats) for scores in found.values()} == {len(TEXT)}
    assert found["dynamic_cache"].totals.bpc < found["static"].totals.bpc
    assert both.settings("cache") == {"cache": both.cache.to_dict()}
    assert list(both.settings("dynamic_cache")) == ["dynamic", "cache"]
    assert both.settings("static") == {}
    assert model.training


def test_tsv_with_further_columns():
    found = score_adapting(build(CHARACTERS), "abc\n", Adaptation(DynamicConfig(), CacheConfig()))
    file = io.StringIO()
    found.pop("static").write_tsv(file, found)
    header, *lines = file.getvalue().removesuffix("\n").split("\n")
    assert header == "index\ttoken\tbits\tdynamic_bits\tcache_bits\tdynamic_cache_bits"
    columns = np.array([[float(value) for value in line.split("\t")[2:]] for line in lines])
    np.testing.assert_allclose(columns[:, 2], found["cache"].bits, atol=1e-6)
    np.testing.assert_allclose(columns[:, 3], found["dynamic_cache"].bits, atol=1e-6)
