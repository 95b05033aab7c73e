"""A recurrent language model: embedding, stack of cells, output layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import torch
import torch.nn.functional as F
from torch import nn

from rnnzoo.backbones import Stack, StackConfig
from rnnzoo.config import Config
from rnnzoo.nn import LockedDropout, dropped_embedding
from rnnzoo.shapes import Float, Int, Tensor
from rnnzoo.state import State
from rnnzoo.text import Tokenizer

if TYPE_CHECKING:
    from rnnzoo.models.scoring import Scores
    from rnnzoo.models.session import Session

__all__ = ["IGNORED", "LanguageModel", "LanguageModelConfig"]

IGNORED = -100
"""A target that is not counted."""


@dataclass(frozen=True)
class LanguageModelConfig(Config):
    """A recurrent language model over any tokenizer.

    Args:
        embedding_dim: features of a token's vector.
        embedding_dropout: share of the vocabulary whose vectors are dropped, whole, in a training forward.
        input_dropout: dropout on the vectors before the first layer.
        backbone: the stack of cells.
        output_dropout: dropout on the last layer's output.
        tied: the output layer uses the embedding table; needs embedding_dim equal to the stack's output size.
    """

    embedding_dim: int = 128
    embedding_dropout: float = 0.0
    input_dropout: float = 0.0
    backbone: StackConfig = field(default_factory=StackConfig)
    output_dropout: float = 0.0
    tied: bool = False

    def __post_init__(self) -> None:
        if self.embedding_dim < 1:
            raise ValueError("embedding_dim must be at least 1")
        if not all(0 <= p < 1 for p in (self.embedding_dropout, self.input_dropout, self.output_dropout)):
            raise ValueError("a dropout lies between 0 and 1")

    def build(self, tokenizer: Tokenizer) -> LanguageModel:
        """The model, with fresh weights, over the vocabulary of `tokenizer`."""
        return LanguageModel(self, tokenizer)


class LanguageModel(nn.Module):
    """p(next token | all tokens before), carried in a state.

    Attributes:
        config: what it was built from.
        tokenizer: text to token ids and back.
        vocab_size: V.
        embedding: token vectors (V, D). backbone: the stack. head: the output layer (V, H).
    """

    def __init__(self, config: LanguageModelConfig, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.config, self.tokenizer = config, tokenizer
        self.vocab_size = tokenizer.vocab_size
        self.embedding = nn.Embedding(self.vocab_size, config.embedding_dim)
        self.backbone: Stack = config.backbone.build(config.embedding_dim)
        self.head = nn.Linear(self.backbone.output_size, self.vocab_size)
        nn.init.xavier_uniform_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        if config.tied:
            if config.embedding_dim != self.backbone.output_size:
                raise ValueError(
                    f"tied: embedding_dim is {config.embedding_dim}, the stack's output {self.backbone.output_size}"
                )
            nn.init.uniform_(self.embedding.weight, -0.1, 0.1)  # as an output layer it needs small weights
            self._tie()
            self.register_load_state_dict_post_hook(LanguageModel._tie)  # type: ignore[no-untyped-call]
        dropout = LockedDropout if config.backbone.locked_dropout else nn.Dropout
        self.input_dropout = dropout(config.input_dropout)
        self.output_dropout = dropout(config.output_dropout)

    def _tie(self, *_: object) -> None:
        if self.config.tied:
            self.head.weight = self.embedding.weight

    def _apply(self, fn: Any, recurse: bool = True) -> Self:
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self._tie()  # leaving the meta device makes two parameters of one, as does load_state_dict(assign=True)
        return self

    @property
    def num_parameters(self) -> int:
        """Trained numbers, tied ones counted once."""
        return sum(parameter.numel() for parameter in self.parameters())

    def initial_state(self, batch_size: int) -> State:
        """What is carried before the first token, for `batch_size` rows."""
        return self.backbone.initial_state(batch_size)

    def hidden(self, tokens: Int[Tensor, "B T"], state: State | None = None) -> tuple[Float[Tensor, "B T H"], State]:
        """The last layer's outputs, and the new state; `forward` without the output layer."""
        vectors = dropped_embedding(tokens, self.embedding.weight, self.config.embedding_dropout, self.training)
        hidden, state = self.backbone(self.input_dropout(vectors), state)
        return self.output_dropout(hidden), state

    def forward(self, tokens: Int[Tensor, "B T"], state: State | None = None) -> tuple[Float[Tensor, "B T V"], State]:
        """Unnormalised log-probabilities of each next token, and the new state."""
        hidden, state = self.hidden(tokens, state)
        return self.head(hidden), state

    def step(self, tokens: Int[Tensor, "B"], state: State, memory: State = ()) -> tuple[Float[Tensor, "B V"], State]:
        """One token further; what decoding calls. A language model has no `memory`."""
        hidden, state = self.backbone.step(self.embedding(tokens), state)
        return self.head(hidden), state

    def nll(
        self, tokens: Int[Tensor, "B T"], targets: Int[Tensor, "B T"], state: State | None = None
    ) -> tuple[Float[Tensor, ""], State]:
        """The sum over all targets of -ln p(target), in nats, and the new state.

        Args:
            tokens: inputs. targets: what follows each of them; `IGNORED` ones are not counted.
            state: what was carried so far.
        """
        logits, state = self(tokens, state)
        logits = logits.flatten(0, 1)
        if logits.dtype in (torch.float16, torch.bfloat16):
            logits = logits.float()  # a sum over thousands of tokens has no room in half precision
        loss = F.cross_entropy(logits, targets.flatten(), ignore_index=IGNORED, reduction="sum")
        return loss, state

    def generate(self, prompt: str = "", **options: Any) -> list[str]:
        """Texts that continue `prompt`; the options are those of `rnnzoo.models.session.generate`."""
        from rnnzoo.models.session import generate

        return generate(self, prompt, **options)

    def stream(self, prompt: str = "", **options: Any) -> Iterator[str]:
        """One text that continues `prompt`, piece by piece; options as for `generate`."""
        from rnnzoo.models.session import stream

        return stream(self, prompt, **options)

    def session(self, num: int = 1, *, seed: int | None = None) -> Session:
        """A conversation whose state can be fed, continued, forked and saved; see `rnnzoo.models.session.Session`."""
        from rnnzoo.models.session import Session

        return Session(self, num=num, seed=seed)

    def next_tokens(self, prompt: str = "", k: int = 10, **options: Any) -> list[tuple[str, float]]:
        """The likeliest next tokens after `prompt`, with probabilities; see `rnnzoo.models.next_tokens`."""
        from rnnzoo.models.next_tokens import next_tokens

        return next_tokens(self, prompt, k, **options)

    def score(self, text: str, **options: Any) -> Scores:
        """How well the model predicts `text`; see `rnnzoo.models.scoring.score_text`."""
        from rnnzoo.models.scoring import score_text

        return score_text(self, text, **options)

    def with_tokenizer(self, tokenizer: Tokenizer) -> LanguageModel:
        """A copy over a larger vocabulary that begins with this model's: its rows are kept, new ones are drawn.

        New vectors are drawn around the mean of the known ones with their spread, and new outputs begin as unlikely
        as the rarest known token, so that the copy says at first what this model says.

        Raises:
            ValueError: the new vocabulary does not begin with this model's.
        """
        known = self.vocab_size
        if tokenizer.vocab_size < known or tokenizer.token_texts()[:known] != self.tokenizer.token_texts():
            raise ValueError("the new vocabulary does not begin with the model's own")
        model = LanguageModel(self.config, tokenizer).to(self.embedding.weight)
        weights = self.state_dict()
        with torch.no_grad():
            for name, weight in model.state_dict().items():
                old = weights[name]
                if old.shape == weight.shape:
                    weight.copy_(old)
                    continue
                weight[:known] = old
                if weight.dim() == 2:
                    spread = torch.randn(weight.size(0) - known, weight.size(1), device=old.device, dtype=old.dtype)
                    weight[known:] = old.mean(0) + spread * old.std(0, correction=0)
                else:
                    weight[known:] = old.min()
        return model.train(self.training)
