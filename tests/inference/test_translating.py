"""Translating raw text: order, batches, empty and long sentences, options; and scores of whole sets."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
import torch
from small_translator import small_translator

from rnnzoo.decoding import SamplingConfig, SearchConfig
from rnnzoo.errors import UserError
from rnnzoo.inference.translation.attention_picture import END, attended, draw_attention
from rnnzoo.inference.translation.evaluation import evaluate_translation, score_translations
from rnnzoo.inference.translation.sentences import batches_by_length
from rnnzoo.inference.translation.translate import LongSentenceWarning, Translation, translate, translations
from rnnzoo.metrics import bleu, bleu_lowercased_tokenised, chrf
from rnnzoo.models import Seq2Seq, Seq2SeqConfig
from rnnzoo.nn import IGNORED
from rnnzoo.text import BPETokenizer, CharTokenizer, WordTokenizer

TEXTS = ["abc", "", "h, g", "a", "bad cafe ha", "  ", "hedge", "abc", "dabbed, faced", "c" * 30]
SHORT = {"max_len": 12}


@pytest.fixture
def model() -> Seq2Seq:
    """With opinions, so that not all sentences have one translation."""
    model = small_translator()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2)
    return model.double()


def one(model: Seq2Seq, text: str, **options: object) -> Translation:
    return translations(model, text, **SHORT | options)[0][0]


def close(ours: list[list[Translation]], theirs: list[list[Translation]]) -> None:
    for a, b in zip(ours, theirs, strict=True):
        assert [t.text for t in a] == [t.text for t in b]
        assert [t.tokens for t in a] == [t.tokens for t in b]
        assert [t.score for t in a] == pytest.approx([t.score for t in b], abs=1e-10)


def test_what_else_is_there_and_in_which_order_changes_no_translation(model: Seq2Seq) -> None:
    together = translations(model, TEXTS, nbest=3, **SHORT)
    assert len({found[0].text for found in together}) > 4  # or the test would show nothing
    close(together, [translations(model, text, nbest=3, **SHORT)[0] for text in TEXTS])
    close(together[::-1], translations(model, TEXTS[::-1], nbest=3, **SHORT))
    for size in (1, 2, 3):
        close(together, translations(model, TEXTS, nbest=3, batch_size=size, **SHORT))
    assert translate(model, TEXTS, nbest=3, **SHORT) == [found[0].text for found in together]
    assert model.translate(TEXTS, nbest=3, **SHORT) == translate(model, TEXTS, nbest=3, **SHORT)


def test_a_single_text_is_a_list_of_one(model: Seq2Seq) -> None:
    assert model.translate("abc", **SHORT) == [one(model, "abc").text]
    assert model.translate([]) == []


def test_empty_stays_empty(model: Seq2Seq) -> None:
    empty = [Translation("", (), 0.0, 0.0, True)]
    found = translations(model, ["", "abc", " \t", "\u00a0"], nbest=2, prefix="st", **SHORT)
    assert [found[i] for i in (0, 2, 3)] == [empty] * 3
    assert found[1][0].text.startswith("st")
    assert translations(model, "?!", unknown="drop", **SHORT) == [empty]  # nothing that the model could read


def test_spaces_are_plain(model: Seq2Seq) -> None:
    assert one(model, " ab\u00a0\u200bc\n d ") == one(model, "ab c d")


def test_scores_are_those_of_the_model(model: Seq2Seq) -> None:
    found = translations(model, TEXTS[0], nbest=4, **SHORT)[0]
    assert [t.score for t in found] == sorted((t.score for t in found), reverse=True)
    assert len({t.tokens for t in found}) == 4
    for each in found:
        assert each.text == model.tgt_tokenizer.decode(each.tokens)
        ids = [*each.tokens, model.boundary] if each.finished else [*each.tokens]
        src = torch.tensor([[*model.src_tokenizer.encode("abc").tolist(), model.src_boundary]])
        tgt, out = torch.tensor([[model.boundary, *ids[:-1]]]), torch.tensor([ids])
        nats = model.eval().nll(src, torch.tensor([4]), tgt, out).item()
        assert each.log_prob == pytest.approx(-nats, abs=1e-9)
        assert each.score == pytest.approx(-nats / len(ids), abs=1e-9)


def test_options_arrive(model: Seq2Seq) -> None:
    assert one(model, "abc", prefix="tuz").text.startswith("tuz")
    each = translations(model, ["abc", "def"], prefix=["t", ""], **SHORT)
    assert (each[0][0].text[0], each[1][0]) == ("t", one(model, "def"))
    assert len(one(model, "abc", min_len=9).tokens) >= 9
    assert len(translations(model, "abc", max_len=3)[0][0].tokens) <= 3
    text = translations(model, "abc", no_repeat_ngram=1, max_len=12)[0][0].text
    assert len(set(text)) == len(text)
    assert one(model, "abc", length_penalty="none").score == one(model, "abc", length_penalty="none").log_prob
    config = SearchConfig(beam=2, nbest=2, length_penalty="wu", alpha=0.5, max_len=12)
    fields = {"beam": 2, "nbest": 2, "length_penalty": "wu", "alpha": 0.5, "max_len": 12}
    assert translations(model, "abc", config) == translations(model, "abc", **fields)
    assert len(translations(model, "abc", nbest=8, max_len=12)[0]) == 8  # the beam is wide enough by itself


def test_beam_1_is_greedy(model: Seq2Seq) -> None:
    greedy = translations(model, "bad", sampling=SamplingConfig(temperature=0), **SHORT)[0][0]
    found = one(model, "bad", beam=1)
    assert (greedy.tokens, greedy.finished) == (found.tokens, found.finished)


def test_draws_are_those_of_their_seed_whoever_is_beside(model: Seq2Seq) -> None:
    options = {"sampling": SamplingConfig(temperature=1.5), "nbest": 2, **SHORT}
    found = translations(model, TEXTS, seed=3, **options)
    assert len({t.text for some in found for t in some}) > 8
    close(found, translations(model, TEXTS, seed=3, batch_size=2, **options))
    for place in (0, 4):
        close([found[place]], translations(model, TEXTS[place], seed=3 + 2 * place, **options))
    assert found != translations(model, TEXTS, seed=4, **options)
    assert translations(model, TEXTS[0], **options) != translations(model, TEXTS[0], **options)


def test_a_long_sentence_is_translated_with_a_warning() -> None:
    model = small_translator(max_source=6)
    with pytest.warns(LongSentenceWarning, match=r"^a sentence is longer .*\(30 tokens, 5 in training\)"):
        assert len(model.translate(["abc", "c" * 30], **SHORT)) == 2
    with pytest.warns(LongSentenceWarning, match="^2 sentences are longer"):
        model.translate(["abcdef", "c" * 30], **SHORT)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.translate("abcde", **SHORT)
        small_translator().translate("c" * 30, **SHORT)  # trained on nobody knows what


def test_the_model_is_left_as_it_is() -> None:
    model = small_translator(output_dropout=0.5, input_dropout=0.5).train()
    model.encoder.eval()
    assert model.translate(TEXTS, **SHORT) == model.translate(TEXTS, **SHORT)  # without dropout
    evaluate_translation(model, ["abc"], [["st"]], search=SearchConfig(max_len=12))
    assert model.training
    assert not model.encoder.training
    assert all(parameter.grad is None for parameter in model.parameters())


def test_without_attention_and_with_input_feeding() -> None:
    for fields in ({"attention": None}, {"input_feeding": True}, {"reverse_source": True}):
        model = small_translator(**fields).double()
        together = translations(model, TEXTS, **SHORT)
        close(together, [translations(model, text, **SHORT)[0] for text in TEXTS])


def test_words_are_written_as_people_do_and_unk_never() -> None:
    torch.manual_seed(1)
    source, target = WordTokenizer(["<unk>", "<eos>", "a", "b"]), WordTokenizer(["<unk>", "<eos>", "Oui", ",", "non"])
    config = Seq2SeqConfig.from_dict({"embedding_dim": 4, "encoder": {"hidden_size": 3}, "decoder": {"hidden_size": 4}})
    model = config.build(source, target)
    with torch.no_grad():
        model.head.bias.copy_(torch.tensor([9.0, -9.0, 1.0, 1.0, 0.5, -3.0]))  # <unk> is by far the likeliest
    found = translations(model, "a what b", nbest=4, max_len=5)[0]
    assert all(0 not in each.tokens for each in found)
    assert translate(model, "a b", prefix="Oui , non", max_len=4)[0].startswith("Oui, non")
    assert math.isfinite(score_translations(model, ["a what"], ["Oui what"])[0].nats)


def test_pieces_of_words() -> None:
    torch.manual_seed(0)
    tokenizer = BPETokenizer.train(["la maison est là", "le chien est là"], 280, min_frequency=1)
    model = Seq2SeqConfig(embedding_dim=4).build(tokenizer).double()
    found = translations(model, ["là\u2028", "le chien", ""], prefix="là, l", max_len=9)
    assert [each[0].text[:5] for each in found] == ["là, l", "là, l", ""]
    assert one(model, "emoji \U0001f600").tokens  # all bytes are known


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beam": 0}, "beam: 1 <= beam"),
        ({"nbest": 3, "beam": 2}, "nbest must be from 1 to the beam"),
        ({"prefix": ["s"]}, "2 texts, but 1 prefixes"),
        ({"batch_size": 0}, "batch_size must be 1"),
        ({"sampling": SamplingConfig(), "prefix": "s"}, "go with a beam"),
        ({"prefix": "?"}, "'?'"),
    ],
)
def test_what_cannot_be_done(model: Seq2Seq, options: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message.replace("?", r"\?")):
        translations(model, ["a", "b"], **options)


def test_unknown_characters(model: Seq2Seq) -> None:
    with pytest.raises(UserError, match="'Z'"):
        model.translate("aZb")
    assert one(model, "aZb", unknown="drop") == one(model, "ab")


def test_batches_hold_what_they_may() -> None:
    lengths = [3, 50, 1, 7, 7, 2, 120, 5]
    batches = list(batches_by_length(lengths, rows=3, positions=20))
    assert sorted(i for some in batches for i in some) == list(range(8))
    assert batches[0] == [6]
    assert batches[1] == [1]
    assert all(len(some) == 1 or len(some) * max(lengths[i] for i in some) <= 20 for some in batches)
    assert max(map(len, batches)) == 3


# ------------------------------------------------------------------------------------------------- scores


def test_pairs_are_scored_alike_alone_and_together(model: Seq2Seq) -> None:
    sources, targets = TEXTS[:5], ["st", "uvw, x.", "", "s", "zyxwv"]
    scored = score_translations(model, sources, targets)
    for source, target, totals in zip(sources, targets, scored, strict=True):
        (alone,) = score_translations(model, [source], [target])
        assert alone.nats == pytest.approx(totals.nats, abs=1e-10)
        assert (totals.tokens, totals.characters) == (len(target) + 1, len(target))
        src = torch.tensor([[*model.src_tokenizer.encode(source).tolist(), model.src_boundary]])
        ids = model.tgt_tokenizer.encode(target).tolist()
        tgt, out = torch.tensor([[model.boundary, *ids]]), torch.tensor([[*ids, model.boundary, IGNORED]])
        padded = torch.cat((tgt, tgt[:, :1]), 1)
        nats = model.eval().nll(src, torch.tensor([src.size(1)]), padded, out).item()
        assert totals.nats == pytest.approx(nats, abs=1e-9)
    assert score_translations(model, [], []) == []


def test_the_scores_of_a_set(model: Seq2Seq) -> None:
    sources = ["abc", "bad cafe", "hedge", "abc d", "h"]
    search = SearchConfig(beam=2, max_len=12)
    translated = translate(model, sources, search=search)
    references = [[t, "s t u v w"] for t in translated[:3]] + [["u v w x y z"], ["s.t!", "u", "v w"]]
    score = evaluate_translation(model, sources, references, search=search)
    assert score.translations == translated
    figures = score.figures()
    for name, measure in (("bleu", bleu), ("chrf", chrf), ("bleu_lowercased_tokenised", bleu_lowercased_tokenised)):
        assert figures[name] == measure(translated, references)
    totals = score_translations(model, sources, [row[0] for row in references])
    assert figures["tokens"] == sum(t.tokens for t in totals)
    assert figures["nll"] == pytest.approx(sum(t.nats for t in totals) / figures["tokens"])
    assert figures["ppl"] == pytest.approx(math.exp(figures["nll"]))
    assert figures["sentences"] == sum(row["sentences"] for row in figures["bleu_by_length"]) == 5
    assert "nrefs:var" in figures["bleu"]["signature"]


def test_a_set_with_characters_that_the_model_does_not_know(model: Seq2Seq) -> None:
    found = evaluate_translation(model, ["aZb", ""], [["sQt"], ["u"]], search=SearchConfig(max_len=9))
    assert found.totals.tokens == 3 + 2
    assert found.translations[1] == ""


def test_no_set(model: Seq2Seq) -> None:
    with pytest.raises(UserError, match="one sentence at least"):
        evaluate_translation(model, [], [])
    with pytest.raises(UserError, match="1 sentences, but references of 2"):
        evaluate_translation(model, ["a"], [["s"], ["t"]])
    with pytest.raises(UserError, match="each sentence needs a reference"):
        evaluate_translation(model, ["a"], [[]])


# ------------------------------------------------------------------------------------------------ picture


def test_where_it_looked(model: Seq2Seq) -> None:
    found = one(model, "bad c")
    weights, src_tokens, tgt_tokens = attended(model, "bad c", found.tokens)
    assert src_tokens == ["b", "a", "d", "\u2423", "c", END]
    assert len(tgt_tokens) == len(found.tokens) + 1
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-6)
    # the first row is what the decoder saw before it wrote anything
    assert np.array_equal(weights[:1], attended(model, "bad c", ()).weights)
    assert attended(small_translator(), "a", []).tgt_tokens == [END]
    with pytest.raises(UserError, match="no attention"):
        attended(small_translator(attention=None), "abc", [1])


def test_the_picture(tmp_path: Path) -> None:
    weights = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    source, target = ["$x$", "été", "房子"], ["$5 & $6", END]
    for name in ("a.png", "b.png", "a.svg", "b.SVG"):
        draw_attention(weights, source, target, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.SVG").read_bytes()
    text = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert all(f">{label}</text>" in text for label in ("$x$", "été", "房子", "$5 &amp; $6"))
    pixels = matplotlib.image.imread(tmp_path / "a.png")[..., :3]
    dark = (pixels[..., 2] > pixels[..., 0] + 0.2) & (pixels[..., 0] < 0.1)  # the blue of a weight of 1
    rows, columns = np.nonzero(dark)
    upper, lower = (columns[rows == row] for row in (rows.min() + 5, rows.max() - 5))
    assert upper.max() < lower.min()  # the first is at the left, the last at the right
    with pytest.raises(UserError, match=r"\.png or \.svg"):
        draw_attention(weights, source, target, tmp_path / "a.pdf")
    with pytest.raises(UserError, match=r"cannot be written"):
        draw_attention(weights, source, target, tmp_path / "a.png" / "b.png")
    with pytest.raises(ValueError, match="2 target and 2 source"):
        draw_attention(weights, source[:2], target, tmp_path / "c.png")
    assert not (tmp_path / "c.png").exists()


def test_alphabets_differ(model: Seq2Seq) -> None:
    """The two sides are not confused: what one vocabulary has the other has not."""
    assert isinstance(model.tgt_tokenizer, CharTokenizer)
    assert set("".join(model.translate(TEXTS, **SHORT))) <= set("stuvwxyz ,.!")


def test_what_does_not_end_is_cut_by_the_length_of_its_source() -> None:
    pieces = BPETokenizer.train(["low lower lowest, low lower lowest"], 262)
    for model, text, length in (
        (small_translator(), "abc", 4 * 3 + 50),  # characters
        (Seq2SeqConfig(embedding_dim=4).build(pieces), "low lower", 2 * len(pieces.encode("low lower")) + 12),
    ):
        with torch.no_grad():
            model.head.bias[model.boundary] = -1e3
        found = translations(model, [text, f"{text} {text}"], beam=2)
        assert (len(found[0][0].tokens), found[0][0].finished) == (length, False)
        assert len(found[1][0].tokens) > length


def test_the_lines_of_a_text_are_sentences(model: Seq2Seq) -> None:
    lines = ["a man rides", "two dogs play"]
    both = model.translate(lines, unknown="drop")
    assert model.translate("\n".join(lines), unknown="drop") == ["\n".join(both)]
    assert model.translate([lines[1], f"{lines[0]}\n\n{lines[1]}\n"], unknown="drop") == [
        both[1],
        f"{both[0]}\n\n{both[1]}\n",
    ]
    assert model.translate([]) == []


def test_what_is_no_sentence_is_refused_before_it_is_searched(model: Seq2Seq, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rnnzoo.inference.translation.translate.MAX_SOURCE", 20)
    with pytest.raises(UserError, match=r"sentence 2 has [\d,]+ tokens, more than 20: give a sentence a line"):
        model.translate(["a", "a man rides " * 20], unknown="drop")
