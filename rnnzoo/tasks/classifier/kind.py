"""Classifiers in the zoo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from rnnzoo.data.labelled import LabelledCorpus, load_labelled
from rnnzoo.errors import UserError
from rnnzoo.inference.classification.evaluation import evaluate_classifier
from rnnzoo.inference.graphs.trace import Graph, step_graph, whole_graph
from rnnzoo.models import Classifier, ClassifierConfig
from rnnzoo.shapes import Tensor
from rnnzoo.state import State
from rnnzoo.tasks.classifier.card import CARD
from rnnzoo.tasks.classifier.samples import EXAMPLES
from rnnzoo.text import Tokenizer
from rnnzoo.zoo.kinds.base import FOREIGN, Compared, Kind, form_of, in_double, own_files, shared_out
from rnnzoo.zoo.kinds.stored_logits import StoredLogits
from rnnzoo.zoo.layout import TOKENIZER

__all__ = ["Classifiers"]

ROWS, TOKENS = 3, 16


class Classifiers(Kind[Classifier, ClassifierConfig]):
    """Classifiers of texts."""

    called, commands = "a classifier", "`rnnzoo classify`"
    own_data = "texts with labels of your own: name them with --files FILE ..."
    model, config = Classifier, ClassifierConfig
    # Where two labels are as likely as each other, another machine may take the other one.
    compared = (
        Compared("accuracy", "% accuracy", 2, 0.1),
        Compared("macro_f1", "% macro F1", 2, 0.2),
        Compared("nll", "nats", 3, 1e-3),
    )
    bundled = False
    card = CARD

    def task_of(self, model: Classifier) -> str:
        """The one there is."""
        return "classifier"

    def tokenizers_of(self, model: Classifier) -> dict[str, Tokenizer]:
        """The one there is."""
        return {TOKENIZER: model.tokenizer}

    def graphs(self, model: Classifier) -> dict[str, Graph]:
        """Whole texts; and, of a model that reads one way, a token further."""
        step = {"step": step_graph(model)} if model.streams else {}
        return {"classify": whole_graph(model), **step}

    def special_tokens(self, model: Classifier) -> dict[str, Any]:
        """The labels instead; nothing stands around a text."""
        return {
            "labels": list(model.labels),
            "several": model.config.several,
            "unwritten": list(model.tokenizer.unwritten),
        }

    def first_state(self, model: Classifier) -> State | None:
        return model.initial_state(1) if model.streams else None

    def build(self, config: ClassifierConfig, tokenizers: Mapping[str, Tokenizer]) -> Classifier:
        """The model over its vocabulary."""
        return config.build(tokenizers[TOKENIZER])

    def layers(self, config: ClassifierConfig) -> int:
        """Those of the stack; where it reads both ways, each is two."""
        layers = len(config.backbone.cells) or config.backbone.num_layers
        return layers * (2 if config.bidirectional else 1)

    # ------------------------------------------------------------------------------------------ golden

    def golden(self, model: Classifier) -> dict[str, Tensor]:
        """Tokens (B, T) of `lengths` (B,), and `StoredLogits` (B,), computed in float64."""
        draw = torch.Generator().manual_seed(0)
        lengths = torch.linspace(TOKENS, 1, ROWS).long()
        tokens = torch.randint(model.vocab_size, (ROWS, TOKENS), generator=draw)  # in the padding, too
        whole = {name: ids.to(torch.int32) for name, ids in (("tokens", tokens), ("lengths", lengths))}
        return whole | StoredLogits(in_double(model)(tokens, lengths)).tensors()

    def golden_pairs(self, model: Classifier, stored: dict[str, Tensor]) -> list[tuple[Tensor, Tensor]]:
        """Logits: all rows at once, each alone and without padding, and token by token."""
        model, nothing = in_double(model), torch.empty(0)
        tokens, lengths = (stored.pop(name, nothing).long() for name in ("tokens", "lengths"))
        fits = tokens.dim() == 2 and lengths.shape == (len(tokens),)
        if not (fits and 0 < len(tokens) <= 4 * ROWS and 0 < tokens.size(1) <= 4 * TOKENS):
            raise ValueError("does not hold tokens of this model")
        published = StoredLogits.taken(stored, tokens[:, 0], len(model.labels))
        if stored:
            raise ValueError(f"holds {', '.join(sorted(stored))}, which is not a classifier's")
        if not 1 <= int(lengths.min()) <= int(lengths.max()) <= tokens.size(1):
            raise ValueError("has lengths that its tokens do not have")
        if not 0 <= int(tokens.min()) <= int(tokens.max()) < model.vocab_size:
            raise ValueError("has tokens that the model does not")
        pairs = StoredLogits(model(tokens, lengths)).beside(published)
        for row, length in enumerate(lengths.tolist()):
            one = slice(row, row + 1)
            pairs += StoredLogits(model(tokens[one, :length])).beside(published, (one,))
            if model.streams:
                state = model.initial_state(1)
                for t in range(length):
                    said, state = model.step(tokens[one, t], state)
                pairs += StoredLogits(said).beside(published, (one,))
        return pairs

    # ----------------------------------------------------------------------------------------- samples

    def own_samples(self, model: Classifier, metrics: Mapping[str, Any], config: Mapping[str, Any]) -> str:
        """What it says of texts of ours; none where we have none for its corpus."""
        texts = list(EXAMPLES.get(str(config.get("data", {}).get("corpus")), ()))
        lenient = "error" if model.tokenizer.unwritten else "drop"  # as in training: unknown words become <unk>
        found = model.classify(texts, unknown=lenient) if texts else []
        return "".join(f"{text}\t{' '.join(one.labels)}\n" for text, one in zip(texts, found, strict=True))

    # ------------------------------------------------------------------------------------------- score

    def corpus(self, data: Mapping[str, Any], files: Sequence[str] | None = None) -> LabelledCorpus:
        """Texts with labels; one's own files are given in the order in which the section names them."""
        texts = {name: data.get(name) for name in ("corpus", "hub", "separator")}
        texts |= {name: data.get(name, name.split("_")[0]) for name in ("text_column", "label_column")}
        columns, seed, count = data.get("columns"), data.get("split_seed", 0), data.get("train_texts", 0)
        sound = all(value is None or isinstance(value, str) for value in texts.values())
        sound = sound and type(seed) is int and type(count) is int and seed >= 0 and count >= 0
        pair = isinstance(columns, (list, tuple)) and [type(one) for one in columns] == [int, int] and min(columns) > 0
        if not sound or not (columns is None or pair) or texts["separator"] == "":
            raise UserError(FOREIGN)
        options: dict[str, Any] = {name: texts[name] for name in ("text_column", "label_column", "separator")}
        options |= {"columns": None if columns is None else (columns[0], columns[1])}
        options |= {"test_part": data.get("test_part") is True, "split_seed": seed, "train_texts": count}
        own = own_files(data)
        named = [name for names in own.values() for name in names]
        if files:
            parts: dict[str, Any] = {**shared_out(files, own if named else {"files": files})}
            return load_labelled(**parts, **options, form=form_of(data, own=bool(named)))
        if named:
            raise UserError(
                f"this model was trained on your own texts ({' '.join(named)}): say where they are with --text"
            )
        if texts["corpus"] is None and texts["hub"] is None:
            raise UserError("its config.json names no texts: say with --text what it is to be measured on")
        return load_labelled(texts["corpus"], hub=texts["hub"], **options)

    def shareable(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """The names of one's own files."""
        return {key: [Path(name).name for name in names] for key, names in own_files(data).items() if names}

    def measure(
        self,
        model: Classifier,
        corpus: LabelledCorpus,
        split: str,
        data: Mapping[str, Any],
        metrics: Mapping[str, Any],
        *,
        beside: bool = False,
    ) -> dict[str, Any]:
        """Accuracy, F1 and calibration error in %, nats per text; and those of each label."""
        part = corpus.splits[split]
        return dict(evaluate_classifier(model, part.texts, part.labels).figures)

    def read(self, score: Mapping[str, Any]) -> str:
        """Texts."""
        return f"{score['texts']:,} texts"

    def told(self, figures: Mapping[str, Any]) -> str:
        """Accuracy, F1, calibration error and nats."""
        return (
            f"{figures['accuracy']:.2f}% accuracy, {figures['macro_f1']:.2f}% macro F1, {figures['nll']:.3f} nats/text"
            f", calibration error {figures['calibration_error']:.2f}%"
        )


KIND = Classifiers()
