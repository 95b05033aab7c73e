"""Language models in the zoo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from rnnzoo import state as states
from rnnzoo.data.cache import encoded
from rnnzoo.data.corpora import Corpus, load_corpus
from rnnzoo.errors import UserError
from rnnzoo.inference.graphs.trace import Graph, step_graph
from rnnzoo.models import LanguageModel, LanguageModelConfig
from rnnzoo.shapes import Tensor
from rnnzoo.state import State
from rnnzoo.tasks.language_model.card import CARD
from rnnzoo.text import Tokenizer
from rnnzoo.text.reading import start_token
from rnnzoo.zoo.kinds.base import Compared, Kind, form_of
from rnnzoo.zoo.kinds.stored_logits import StoredLogits
from rnnzoo.zoo.layout import TOKENIZER
from rnnzoo.zoo.measuring import cold_windows, measure

__all__ = ["LanguageModels"]

ROWS, TOKENS = 2, 32
_LAST_DIGIT = 1e-4


class LanguageModels(Kind[LanguageModel, LanguageModelConfig]):
    """Character, byte and word language models."""

    called, commands = "a language model", "`rnnzoo generate` and `rnnzoo score`"
    own_data = "a text of your own: name it with --text FILE ..."
    model, config = LanguageModel, LanguageModelConfig
    compared = tuple(
        Compared(f"{place}{key}", unit, 4, _LAST_DIGIT)
        for place in ("", "cold_window.")
        for key, unit in (("nll", "nats"), ("bits", "bits"))
    )
    card = CARD

    def task_of(self, model: LanguageModel) -> str:
        """By the tokenizer."""
        return "char_lm" if model.tokenizer.kind in ("char", "byte") else "word_lm"

    def tokenizers_of(self, model: LanguageModel) -> dict[str, Tokenizer]:
        """The one there is."""
        return {TOKENIZER: model.tokenizer}

    def graphs(self, model: LanguageModel) -> dict[str, Graph]:
        return {"step": step_graph(model)}

    def special_tokens(self, model: LanguageModel) -> dict[str, Any]:
        return {"start": start_token(model.tokenizer), "unwritten": model.tokenizer.unwritten}

    def first_state(self, model: LanguageModel) -> State:
        return model.initial_state(1)

    def reading(self, model: LanguageModel, data: Mapping[str, Any]) -> dict[str, Any]:
        return {"tokenizer": model.tokenizer.kind, "eval_streams": data.get("eval_streams", 1)}

    def build(self, config: LanguageModelConfig, tokenizers: Mapping[str, Tokenizer]) -> LanguageModel:
        """The model over its vocabulary."""
        return config.build(tokenizers[TOKENIZER])

    def layers(self, config: LanguageModelConfig) -> int:
        """Those of the stack."""
        return len(config.backbone.cells) or config.backbone.num_layers

    # ------------------------------------------------------------------------------------------ golden

    def golden(self, model: LanguageModel) -> dict[str, Tensor]:
        """Tokens (B, T), what follows them (`StoredLogits`), and the state after the first half."""
        half = TOKENS // 2
        draw = torch.Generator().manual_seed(0)
        tokens = torch.randint(model.vocab_size, (ROWS, TOKENS), generator=draw)
        first, state = model(tokens[:, :half])
        second, _ = model(tokens[:, half:], state)
        tensors = {f"state.{name}": leaf for name, leaf in states.flatten(state).items()}
        return tensors | {"tokens": tokens.to(torch.int32)} | StoredLogits(torch.cat([first, second], 1)).tensors()

    def golden_pairs(self, model: LanguageModel, stored: dict[str, Tensor]) -> list[tuple[Tensor, Tensor]]:
        """Logits and state: whole, token by token, and from the stored state."""
        tokens = stored.pop("tokens", torch.empty(0)).long()
        if tokens.dim() != 2 or tokens.size(1) < 2:
            raise ValueError("does not hold tokens of this model")
        published = StoredLogits.taken(stored, tokens, model.vocab_size)
        if not 0 <= int(tokens.min()) <= int(tokens.max()) < model.vocab_size:
            raise ValueError("has tokens that the model does not")
        half = tokens.size(1) // 2
        like = model.initial_state(tokens.size(0))
        try:
            middle = states.unflatten(like, {name.removeprefix("state."): leaf for name, leaf in stored.items()})
        except ValueError as error:
            raise ValueError(f"does not hold this model's state: {error}") from None
        if any(a.shape != b.shape for a, b in zip(states.leaves(like), states.leaves(middle), strict=True)):
            raise ValueError("does not hold this model's state: other shapes")
        whole = model(tokens)[0]
        said, state = [], like
        for t in range(tokens.size(1)):
            if t == half:
                reached = state
            one, state = model.step(tokens[:, t], state)
            said.append(one)
        return [
            *StoredLogits(whole).beside(published),
            *StoredLogits(torch.stack(said, 1)).beside(published),
            *StoredLogits(model(tokens[:, half:], middle)[0]).beside(published, (slice(None), slice(half, None))),
            *zip(states.leaves(reached), states.leaves(middle), strict=True),
        ]

    # ------------------------------------------------------------------------------------------- score

    def corpus(self, data: Mapping[str, Any], files: Sequence[str] | None = None) -> Corpus:
        """Running text."""
        own = data.get("files") or []
        if own and not files:
            names = " ".join(str(name) for name in own)
            raise UserError(f"this model was trained on your own text ({names}): say where it is with --text")
        shards = data.get("shards")
        if shards is not None:
            if not files or len(files) > 1:
                raise UserError(f"this model was trained on shards ({shards}): say with --text where their folder is")
            return load_corpus(shards=files[0])
        corpus, hub, column = data.get("corpus"), data.get("hub"), data.get("text_column", "text")
        if not all(value is None or isinstance(value, str) for value in (corpus, hub, column)):
            raise UserError("the data section of config.json is not one that rnnzoo wrote")
        test_part = data.get("test_part") is True
        if files:
            form = form_of(data, own=bool(own))
            return load_corpus(files=files, text_column=str(column), test_part=test_part, form=form)
        if corpus is None and hub is None:
            raise UserError("its config.json names no text: say with --text what it is to be measured on")
        return load_corpus(corpus, hub=hub, text_column=str(column), test_part=test_part)

    def shareable(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """The names of own text files, or of a folder of shards."""
        own, shards = data.get("files"), data.get("shards")
        named: dict[str, Any] = {"files": [Path(str(file)).name for file in own]} if own else {}
        return named | {"shards": Path(str(shards)).resolve().name} if shards else named

    def measure(
        self,
        model: LanguageModel,
        corpus: Corpus,
        split: str,
        data: Mapping[str, Any],
        metrics: Mapping[str, Any],
        *,
        beside: bool = False,
    ) -> dict[str, Any]:
        """Read as `eval_streams` streams with a carried state; beside: in cold windows, where those are on record."""
        streams = data.get("eval_streams", 1)
        if type(streams) is not int or streams < 1:
            raise UserError("'eval_streams' in config.json must be a positive number")
        ids = encoded(corpus.splits[split], model.tokenizer)
        carried = measure(model, ids, streams, what=corpus.name)
        figures: dict[str, Any] = {
            "nll": carried.nll,
            "ppl": carried.ppl,
            "bits": carried.bits_per_token,
            "tokens": carried.tokens,
        }
        record = metrics.get("scores", {}).get(split, {}) if beside else {}
        if length := record.get("cold_window", {}).get("length"):
            cold = cold_windows(model, ids, length)
            figures["cold_window"] = {"length": length, "nll": cold.nll, "bits": cold.bits_per_token}
        return figures

    def read(self, score: Mapping[str, Any]) -> str:
        """Tokens and streams."""
        unit = score["tokenizer"] if score["tokenizer"] in ("char", "byte", "word") else "token"
        streams = "1 stream" if score["eval_streams"] == 1 else f"{score['eval_streams']} streams"
        return f"{score['tokens']:,} {unit}s read as {streams}"

    def told(self, figures: Mapping[str, Any]) -> str:
        """Nats, bits and perplexity."""
        unit = figures.get("tokenizer")
        unit = unit if unit in ("char", "byte", "word") else "token"
        return f"{figures['nll']:.4f} nats/{unit}, {figures['bits']:.4f} bits/{unit}, perplexity {figures['ppl']:.3f}"


KIND = LanguageModels()
