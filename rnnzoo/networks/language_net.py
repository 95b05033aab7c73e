"""A recurrent language model as a net: embedding, stack of cells, output layer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Self

import torch
from torch import nn

from rnnzoo.backbones import Stack, StackConfig
from rnnzoo.config import Config
from rnnzoo.embeddings import Vectors
from rnnzoo.errors import UserError
from rnnzoo.networks.base import Network
from rnnzoo.nn import AdaptiveEmbedding, AdaptiveHead, LinearHead, LockedDropout, dropped_embedding
from rnnzoo.ranges import DropProbability, Positive, Range, Size, SizeOrZero
from rnnzoo.shapes import Float, Int, Tensor
from rnnzoo.state import State
from rnnzoo.text import Tokenizer

__all__ = ["LanguageNet", "LanguageNetConfig"]


@dataclass(frozen=True)
class LanguageNetConfig(Config):
    """A recurrent language model over any tokenizer.

    Args:
        embedding_dim: features of a token's vector.
        embedding_dropout: share of the vocabulary whose vectors are dropped, whole, in a training forward.
        input_dropout: dropout on the vectors before the first layer.
        backbone: the stack of cells.
        output_dropout: dropout on the last layer's output.
        tied: the output layer uses the embedding table; needs embedding_dim equal to what the output layer gets. With
            adaptive_cutoffs rare words have fewer features in both (Baevski & Auli 2019, arXiv:1809.10853).
        embedding_projection: maps the vectors linearly to so many features for the first layer; 0 for none.
        output_projection: maps the last layer's output linearly to so many features for the output layer; 0 for none.
        adaptive_cutoffs: adaptive softmax with clusters that begin at these ids; none for a full softmax.
        init_range: weights and biases begin uniform in this distance around 0; 0 for each layer's own way.
        output_temperature: divides what the output layer says: above 1 where a model is surer of itself than it is
            right, as one is that has read a small text often (temperature scaling, Guo et al. 2017, arXiv:1706.04599).
    """

    embedding_dim: Size = 128
    embedding_dropout: DropProbability = 0.0
    input_dropout: DropProbability = 0.0
    backbone: StackConfig = field(default_factory=StackConfig)
    output_dropout: DropProbability = 0.0
    tied: bool = False
    embedding_projection: SizeOrZero = 0
    output_projection: SizeOrZero = 0
    adaptive_cutoffs: tuple[Size, ...] = ()
    init_range: Annotated[float, Range("0 <= x <= 1000")] = 0.0
    output_temperature: Positive = 1.0

    def __post_init__(self) -> None:
        if self.output_temperature != 1 and self.adaptive_cutoffs:
            raise ValueError("output_temperature and adaptive_cutoffs exclude each other: clusters have no logits")
        if list(self.adaptive_cutoffs) != sorted({c for c in self.adaptive_cutoffs if c > 0}):
            raise ValueError("adaptive_cutoffs must rise, from 1 on")

    def build(self, tokenizer: Tokenizer) -> LanguageNet:
        """The net, with fresh weights, over the vocabulary of `tokenizer`."""
        return LanguageNet(self, tokenizer)


class LanguageNet(Network):
    """p(next token | all tokens before), carried in a state.

    Attributes:
        config: what it was built from.
        tokenizer: text to token ids and back.
        vocab_size: V.
        embedding: token vectors (V, D). backbone: the stack. head: the output layer, features to log-probabilities.
    """

    def __init__(self, config: LanguageNetConfig, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.config: LanguageNetConfig = config
        self.tokenizer = tokenizer
        self.vocab_size = tokenizer.vocab_size
        self.embedding: nn.Embedding | AdaptiveEmbedding = nn.Embedding(self.vocab_size, config.embedding_dim)
        self.embedding_projection = _projection(config.embedding_dim, config.embedding_projection)
        self.backbone: Stack = config.backbone.build(config.embedding_projection or config.embedding_dim)
        features = config.output_projection or self.backbone.output_size
        self.output_projection = _projection(self.backbone.output_size, config.output_projection)
        self.head = self._head(features)
        if config.tied:
            if config.embedding_dim != features:
                raise ValueError(
                    f"tied: embedding_dim is {config.embedding_dim}, the stack's output {features}; "
                    f"output_projection: {config.embedding_dim} would make them fit"
                )
            self._draw_table(0.1)  # as an output layer it needs small weights
        if config.init_range:
            for parameter in self.parameters():
                nn.init.uniform_(parameter, -config.init_range, config.init_range)
        dropout = LockedDropout if config.backbone.locked_dropout else nn.Dropout
        self.input_dropout = dropout(config.input_dropout)
        self.output_dropout = dropout(config.output_dropout)

    def _head(self, features: int) -> LinearHead | AdaptiveHead:
        if cutoffs := self.config.adaptive_cutoffs:
            if cutoffs[-1] >= self.vocab_size:
                raise UserError(f"model.adaptive_cutoffs: {cutoffs[-1]} is not below vocab_size {self.vocab_size}")
            return AdaptiveHead(features, self.vocab_size, cutoffs)
        head = LinearHead(features, self.vocab_size, self.config.output_temperature)
        nn.init.xavier_uniform_(head.weight)
        nn.init.zeros_(head.bias)
        return head

    def _draw_table(self, bound: float) -> None:
        """The table that input and output have in common."""
        if isinstance(self.head, AdaptiveHead):
            self.embedding = AdaptiveEmbedding(self.head)
            self.head.reset_table(bound)
        else:
            nn.init.uniform_(self.embedding.weight, -bound, bound)
            self.tie()

    @property
    def tokenizers(self) -> tuple[Tokenizer]:
        """What `LanguageNetConfig.build` takes."""
        return (self.tokenizer,)

    def tie(self) -> None:
        if self.config.tied and isinstance(self.head, LinearHead) and isinstance(self.embedding, nn.Embedding):
            self.head.weight = self.embedding.weight

    def set_output_temperature(self, temperature: float) -> None:
        """Divides what the output layer says by `temperature` from now on; see `LanguageNetConfig`.

        Raises:
            ValueError: it is not above 0, or the output layer is adaptive.
        """
        self.config = self.config.replace(output_temperature=temperature)
        if isinstance(self.head, LinearHead):
            self.head.temperature = temperature

    def initial_state(self, batch_size: int) -> State:
        """What is carried before the first token, for `batch_size` rows."""
        return self.backbone.initial_state(batch_size)

    def features(
        self, tokens: Int[Tensor, "B T"], state: State | None = None, lengths: Int[Tensor, "B"] | None = None
    ) -> tuple[Float[Tensor, "B T H"], State]:
        """The last layer's outputs, before any dropout of theirs, and the new state.

        Args:
            tokens: inputs. state: what was carried so far.
            lengths: how many of each row count; what stands behind them changes no state. None: all.
        """
        vectors = dropped_embedding(tokens, self.embedding, self.config.embedding_dropout, self.training)
        features: tuple[Tensor, State] = self.backbone(
            self.input_dropout(self.embedding_projection(vectors)), state, lengths
        )
        return features

    def forward_features(
        self, tokens: Int[Tensor, "B T"], lengths: Int[Tensor, "B"] | None = None
    ) -> Float[Tensor, "B T H"]:
        """The last layer's outputs at all steps, from the zero state, zero past each row's end.

        Args:
            tokens: ids; what stands past a row's end does not matter. lengths: valid steps; all of them when left out.
        """
        vectors = self.input_dropout(self.embedding_projection(self.embedding(tokens)))
        outputs: Tensor = self.backbone(vectors, None, lengths)[0]
        return outputs

    def hidden(self, tokens: Int[Tensor, "B T"], state: State | None = None) -> tuple[Float[Tensor, "B T D"], State]:
        """What the output layer gets, and the new state; `forward` without the output layer."""
        features, state = self.features(tokens, state)
        return self.output_projection(self.output_dropout(features)), state

    def forward(self, tokens: Int[Tensor, "B T"], state: State | None = None) -> tuple[Float[Tensor, "B T V"], State]:
        """Log-probabilities of each next token, normalised only where the head is adaptive, and the new state."""
        hidden, state = self.hidden(tokens, state)
        return self.head(hidden), state

    def step(self, tokens: Int[Tensor, "B"], state: State, memory: State = ()) -> tuple[Float[Tensor, "B V"], State]:
        """One token further; what decoding calls. A language model has no `memory`."""
        hidden, state = self.hidden_step(tokens, state)
        return self.head(hidden), state

    def hidden_step(self, tokens: Int[Tensor, "B"], state: State) -> tuple[Float[Tensor, "B D"], State]:
        """`step` without the output layer."""
        features, state = self.backbone.step(self.embedding_projection(self.embedding(tokens)), state)
        return self.output_projection(features), state

    def nll(
        self, tokens: Int[Tensor, "B T"], targets: Int[Tensor, "B T"], state: State | None = None
    ) -> tuple[Float[Tensor, ""], State]:
        """The sum over all targets of -ln p(target), in nats, and the new state.

        Args:
            tokens: inputs. targets: what follows each of them; `rnnzoo.nn.IGNORED` ones are not counted.
            state: what was carried so far.
        """
        features, state = self.features(tokens, state)
        return self.nll_of(self.output_dropout(features), targets), state

    def nll_of(self, features: Float[Tensor, "B T H"], targets: Int[Tensor, "B T"]) -> Float[Tensor, ""]:
        """The rest of `nll`, from what `features` gave and `output_dropout` left of it."""
        return self.head.nll(self.output_projection(features), targets)

    def load_embeddings(self, vectors: Vectors) -> Self:
        """Fills the embedding table with vectors of a file; with `tied`, that is the output layer's table too.

        Args:
            vectors: what `rnnzoo.embeddings.load_vectors` gave for this model's tokenizer; of dimension
                `config.embedding_dim`.

        Returns:
            The model itself.

        Raises:
            UserError: they are of another vocabulary or dimension, or the table is that of an adaptive softmax.
        """
        if isinstance(self.embedding, AdaptiveEmbedding):
            raise UserError("tied and adaptive_cutoffs: rare words have fewer features than the vectors of a file")
        size, dim = self.embedding.weight.shape
        if vectors.matrix.shape != (size, dim):
            raise UserError(
                f"the vectors are {' x '.join(map(str, vectors.matrix.shape))}, the model's table is {size} x {dim}"
            )
        with torch.no_grad():
            self.embedding.weight.copy_(torch.from_numpy(vectors.matrix))
        return self

    def with_tokenizer(self, tokenizer: Tokenizer) -> Self:
        """A copy over a larger vocabulary that begins with this model's: its rows are kept, new ones are drawn.

        New vectors are drawn around the mean of the known ones with their spread, and new outputs begin as unlikely
        as the rarest known token, so that the copy says at first what this model says.

        Raises:
            ValueError: the new vocabulary does not begin with this model's.
        """
        known = self.vocab_size
        if not isinstance(self.head, LinearHead):
            raise ValueError("the vocabulary of an adaptive softmax cannot grow: its clusters are cut by frequency")
        if tokenizer.vocab_size < known or tokenizer.token_texts()[:known] != self.tokenizer.token_texts():
            raise ValueError("the new vocabulary does not begin with the model's own")
        model = type(self)(self.config, tokenizer).to(self.embedding.weight)
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


def _projection(size: int, projected: int) -> nn.Module:
    return nn.Linear(size, projected) if projected else nn.Identity()
