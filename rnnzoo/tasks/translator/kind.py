"""Translators in the zoo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from rnnzoo.data.cleaning import CleaningConfig
from rnnzoo.data.pairs import PairCorpus, load_pairs
from rnnzoo.data.sources import CUT_BY_SENTENCE, Split
from rnnzoo.decoding import SearchConfig
from rnnzoo.errors import UserError
from rnnzoo.inference.graphs.trace import Graph, encoder_graph, step_graph
from rnnzoo.models import Seq2Seq, Seq2SeqConfig
from rnnzoo.shapes import Tensor
from rnnzoo.tasks.translator.card import CARD, languages_of
from rnnzoo.tasks.translator.samples import EXAMPLES
from rnnzoo.text import Tokenizer
from rnnzoo.zoo.kinds.base import FOREIGN, Compared, Kind, form_of, in_double, own_files, shared_out
from rnnzoo.zoo.kinds.stored_logits import StoredLogits
from rnnzoo.zoo.layout import TOKENIZER

__all__ = ["SOURCE_TOKENIZER", "Translators"]

SOURCE_TOKENIZER = "tokenizer.src.json"

ROWS, TOKENS = 2, 16
_WIDEST = 1000  # beam that a metrics.json from anywhere may ask for


class Translators(Kind[Seq2Seq, Seq2SeqConfig]):
    """Encoder-decoders."""

    called, commands = "a translator", "`rnnzoo translate`"
    own_data = "pairs of sentences of your own: name them with --files SRC TGT, or --tsv FILE"
    model, config = Seq2Seq, Seq2SeqConfig
    tokenizers = (TOKENIZER, SOURCE_TOKENIZER)
    # Where two hypotheses score alike, another machine may take the other one: BLEU and chrF to the first decimal.
    compared = (
        Compared("nll", "nats", 4, 1e-4),
        Compared("bleu.score", "BLEU", 2, 0.1),
        Compared("chrf.score", "chrF", 2, 0.1),
    )
    card = CARD

    def task_of(self, model: Seq2Seq) -> str:
        """The one there is."""
        return "translator"

    def tokenizers_of(self, model: Seq2Seq) -> dict[str, Tokenizer]:
        """The target's, and the source's where the vocabulary is not joint."""
        found = {TOKENIZER: model.tgt_tokenizer}
        return found if model.src_tokenizer == model.tgt_tokenizer else found | {SOURCE_TOKENIZER: model.src_tokenizer}

    def graphs(self, model: Seq2Seq) -> dict[str, Graph]:
        return {"step": step_graph(model), "encoder": encoder_graph(model)}

    def special_tokens(self, model: Seq2Seq) -> dict[str, Any]:
        return {
            "start": model.boundary,
            "end": model.boundary,
            "source_end": model.src_boundary,
            "unwritten": model.tgt_tokenizer.unwritten,
        }

    def build(self, config: Seq2SeqConfig, tokenizers: Mapping[str, Tokenizer]) -> Seq2Seq:
        """The model over its two vocabularies, or its joint one."""
        target = tokenizers[TOKENIZER]
        return config.build(tokenizers.get(SOURCE_TOKENIZER, target), target)

    def layers(self, config: Seq2SeqConfig) -> int:
        """Those of both stacks; where the encoder reads both ways, each of its layers is two."""
        encoder, decoder = (len(half.cells) or half.num_layers for half in (config.encoder, config.decoder))
        return encoder * (2 if config.bidirectional else 1) + decoder

    # ------------------------------------------------------------------------------------------ golden

    def golden(self, model: Seq2Seq) -> dict[str, Tensor]:
        """Sources (B, S) of `lengths` (B,), decoder inputs (B, T), and `StoredLogits` (B, T) under teacher forcing.

        Computed in float64: trained attention looks at one step of many, and on tokens drawn at random two that score
        alike make float32 differ by nearly what is allowed even between the ways of `golden_pairs`.
        """
        model = in_double(model)
        draw = torch.Generator().manual_seed(0)
        lengths = torch.linspace(TOKENS, TOKENS // 2, ROWS).long()
        src = torch.randint(model.src_boundary, (ROWS, TOKENS), generator=draw)  # in the padding, too
        src[torch.arange(ROWS), lengths - 1] = model.src_boundary
        tgt = torch.randint(model.boundary, (ROWS, TOKENS), generator=draw)
        tgt[:, 0] = model.boundary
        whole = {name: ids.to(torch.int32) for name, ids in (("src", src), ("lengths", lengths), ("tgt", tgt))}
        return whole | StoredLogits(model(src, lengths, tgt)).tensors()

    def golden_pairs(self, model: Seq2Seq, stored: dict[str, Tensor]) -> list[tuple[Tensor, Tensor]]:
        """Logits: all rows at once, each alone and without padding, and step by step as a search has them."""
        model = in_double(model)
        nothing = torch.empty(0)
        src, lengths, tgt = (stored.pop(name, nothing).long() for name in ("src", "lengths", "tgt"))
        fits = src.dim() == tgt.dim() == 2 and len(src) == len(tgt) and lengths.shape == (len(src),)
        fits = fits and 0 < src.size(1) <= 4 * TOKENS and 0 < len(src) <= 4 * ROWS and tgt.size(1) > 0
        if not fits:
            raise ValueError("does not hold sources and targets of this model")
        published = StoredLogits.taken(stored, tgt, model.vocab_size)
        if stored:
            raise ValueError(f"holds {', '.join(sorted(stored))}, which is not a translator's")
        if not 1 <= int(lengths.min()) <= int(lengths.max()) <= src.size(1):
            raise ValueError("has lengths that its sources do not have")
        for ids, boundary in ((src, model.src_boundary), (tgt, model.boundary)):
            if not 0 <= int(ids.min()) <= int(ids.max()) <= boundary:
                raise ValueError("has tokens that the model does not")
        pairs = StoredLogits(model(src, lengths, tgt)).beside(published)
        for row, length in enumerate(lengths.tolist()):
            one = slice(row, row + 1)
            pairs += StoredLogits(model(src[one, :length], lengths[one], tgt[one])).beside(published, (one,))
        state, memory = model.encode(src, lengths)
        for t in range(tgt.size(1)):
            said, state = model.step(tgt[:, t], state, memory)
            pairs += StoredLogits(said).beside(published, (slice(None), t))
        return pairs

    # ----------------------------------------------------------------------------------------- samples

    def own_samples(self, model: Seq2Seq, metrics: Mapping[str, Any], config: Mapping[str, Any]) -> str:
        """Translations of sentences of ours; none where we have none in that language."""
        sentences = EXAMPLES.get(languages_of(metrics, config)[0], ())
        lenient = "error" if model.src_tokenizer.unwritten else "drop"  # as in training: unknown words become <unk>
        translations = model.translate(list(sentences), unknown=lenient) if sentences else []
        return "".join(f"{one}\n    {other}\n" for one, other in zip(sentences, translations, strict=True))

    # ------------------------------------------------------------------------------------------- score

    def corpus(self, data: Mapping[str, Any], files: Sequence[str] | None = None) -> PairCorpus:
        """Pairs of sentences; one's own files are given in the order in which the section names them."""
        corpus, hub, src, tgt = (data.get(key) for key in ("corpus", "hub", "src", "tgt"))
        columns, rules = data.get("columns", [1, 2]), data.get("cleaning", {})
        sound = all(value is None or isinstance(value, str) for value in (corpus, hub, src, tgt))
        sound = sound and isinstance(columns, (list, tuple)) and [type(one) for one in columns] == [int, int]
        if not sound:
            raise UserError(FOREIGN)
        options: dict[str, Any] = {
            "src": src,
            "tgt": tgt,
            "test_part": data.get("test_part") is True,
            "cleaning": None if rules is None else CleaningConfig.from_dict(rules, "config.json: data.cleaning"),
        }
        own = own_files(data, "tsv")
        named = [name for names in own.values() for name in names]
        if files:
            parts: dict[str, Any] = shared_out(files, own if named else {"files": files})
            if len(parts["files"]) == 1:
                parts |= {"files": (), "tsv": parts["files"][0], "columns": (columns[0], columns[1])}
            return load_pairs(**parts, **options, form=form_of(data, own=bool(named)))
        if named:
            raise UserError(
                f"this model was trained on your own pairs ({' '.join(named)}): say where they are with --text"
            )
        if corpus is None and hub is None:
            raise UserError("its config.json names no pairs: say with --text what it is to be measured on")
        return load_pairs(corpus, hub=hub, split=_rule(data), **options)

    def shareable(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """The names of one's own files."""
        named = {key: [Path(name).name for name in names] for key, names in own_files(data, "tsv").items() if names}
        return named if data.get("tsv") is None else named | {"files": [], "tsv": named["files"][0]}

    def measure(
        self,
        model: Seq2Seq,
        corpus: PairCorpus,
        split: str,
        data: Mapping[str, Any],
        metrics: Mapping[str, Any],
        *,
        beside: bool = False,
    ) -> dict[str, Any]:
        """BLEU and chrF of what the search on record finds, and nats per token of the references."""
        from rnnzoo.inference.translation.evaluation import evaluate_translation

        search = SearchConfig.from_dict(metrics.get("search", {}), "metrics.json: search")
        if search.beam > _WIDEST:
            raise UserError(f"'search' in metrics.json has a beam of {search.beam}; at most {_WIDEST} are measured")
        if split not in corpus.references:
            raise UserError(f"{corpus.name}: {split} is for training, not for a score")
        sources = corpus.splits[split][0]
        return dict(evaluate_translation(model, sources, corpus.references[split], search=search).figures())

    def read(self, score: Mapping[str, Any]) -> str:
        """Sentences and tokens."""
        return f"{score['sentences']:,} sentences, {score['tokens']:,} tokens to write"

    def told(self, figures: Mapping[str, Any]) -> str:
        """BLEU, chrF, nats and perplexity."""
        return (
            f"BLEU {figures['bleu']['score']:.2f}, chrF {figures['chrf']['score']:.2f}, {figures['nll']:.4f} "
            f"nats/token, perplexity {figures['ppl']:.3f}"
        )


def _rule(data: Mapping[str, Any]) -> Split | None:
    """How the section has a corpus of the catalogue cut; None as the catalogue says."""
    named = data.get("split")
    found: Split | None = next((rule for rule in CUT_BY_SENTENCE if rule == named), None)
    if named is not None and found is None:
        raise UserError(FOREIGN)
    return found


KIND = Translators()
