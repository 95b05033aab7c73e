"""A recurrent classifier as a net: embedding, stack of cells, pooling, output layer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, Self

import torch
import torch.nn.functional as F
from torch import nn

from rnnzoo.backbones import BidirectionalStack, BidirectionalStackConfig, Stack, StackConfig
from rnnzoo.cells.gru import GRUConfig
from rnnzoo.config import Config
from rnnzoo.embeddings import Vectors
from rnnzoo.errors import UserError
from rnnzoo.networks.base import Network
from rnnzoo.networks.pooling import Pooled, Pooling, PoolingKind
from rnnzoo.nn import LinearHead, LockedDropout, dropped_embedding
from rnnzoo.ranges import DropProbability, Positive, Size, SizeOrZero
from rnnzoo.shapes import Float, Int, Tensor
from rnnzoo.state import State
from rnnzoo.text import Tokenizer

__all__ = ["ClassifierNet", "ClassifierNetConfig", "ClassifierState"]


@dataclass(frozen=True)
class ClassifierNetConfig(Config):
    """A recurrent classifier over any tokenizer.

    Args:
        labels: the classes by name, in the order of the outputs; a recipe leaves them to its data.
        several: a text may have any number of labels, each of which is decided by itself; left to the data, too.
        embedding_dim: features of a token's vector.
        embedding_dropout: share of the vocabulary whose vectors are dropped, whole, in a training forward.
        input_dropout: dropout on the vectors before the first layer.
        embedding_projection: maps the vectors linearly to so many features for the first layer; 0 for none.
        backbone: the stack of cells; `hidden_size` is that of one direction.
        bidirectional: it reads in both directions, its outputs are then twice as wide.
        pooling: what becomes of the outputs of all steps: ``last``, ``mean``, ``max`` or ``attention``, or a list of
            those, side by side; see `rnnzoo.networks.pooling.Pooling`.
        output_dropout: dropout on the pooled vector.
        readout_size: features of a ReLU layer between the pooled vector and the output layer; 0 for none.
        output_temperature: divides what the output layer says (temperature scaling, Guo et al. 2017, arXiv:1706.04599).
    """

    labels: tuple[str, ...] = ()
    several: bool = False
    embedding_dim: Size = 64
    embedding_dropout: DropProbability = 0.0
    input_dropout: DropProbability = 0.0
    embedding_projection: SizeOrZero = 0
    backbone: StackConfig = field(default_factory=lambda: StackConfig(cell=GRUConfig(), hidden_size=128))
    bidirectional: bool = False
    pooling: PoolingKind | tuple[PoolingKind, ...] = "last"
    output_dropout: DropProbability = 0.0
    readout_size: SizeOrZero = 0
    output_temperature: Positive = 1.0

    def __post_init__(self) -> None:
        if len(set(self.labels)) < len(self.labels):
            raise ValueError("labels: one stands there twice")
        if not self.pools or len(set(self.pools)) < len(self.pools):
            raise ValueError("pooling: one kind or several, none of them twice")

    @property
    def pools(self) -> tuple[PoolingKind, ...]:
        """The kinds of pooling, side by side."""
        return (self.pooling,) if isinstance(self.pooling, str) else self.pooling

    def build(self, tokenizer: Tokenizer) -> ClassifierNet:
        """The net, with fresh weights, over the vocabulary of `tokenizer`.

        Raises:
            ValueError: it has no labels.
        """
        return ClassifierNet(self, tokenizer)


class ClassifierState(NamedTuple):
    """What is carried from one token to the next.

    Attributes:
        layers: the stack's state. pooled: what pooling needs of the steps so far.
    """

    layers: State
    pooled: Pooled


class ClassifierNet(Network):
    """p(label | text).

    Attributes:
        config: what it was built from.
        tokenizer: text to token ids.
        labels: the classes by name, C of them.
        vocab_size: V, of the tokens that it reads.
    """

    def __init__(self, config: ClassifierNetConfig, tokenizer: Tokenizer) -> None:
        super().__init__()
        if len(config.labels) < (1 if config.several else 2):
            raise ValueError("a classifier needs labels, two or more (or one, where a text may have none)")
        self.config: ClassifierNetConfig = config
        self.tokenizer, self.labels = tokenizer, config.labels
        self.vocab_size = tokenizer.vocab_size
        width = config.embedding_projection or config.embedding_dim
        self.embedding = nn.Embedding(self.vocab_size, config.embedding_dim)
        self.embedding_projection = (
            nn.Linear(config.embedding_dim, width) if config.embedding_projection else nn.Identity()
        )
        stack = BidirectionalStackConfig.from_dict(config.backbone.to_dict()) if config.bidirectional else None
        self.backbone: Stack | BidirectionalStack = (stack or config.backbone).build(width)
        self.pooling = Pooling(config.pools, self.backbone.output_size, both_ways=config.bidirectional)
        features = config.readout_size or self.pooling.output_size
        self.readout: nn.Module = (
            nn.Sequential(nn.Linear(self.pooling.output_size, features), nn.ReLU())
            if config.readout_size
            else nn.Identity()
        )
        self.head = LinearHead(features, len(config.labels), config.output_temperature)
        nn.init.xavier_uniform_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.input_dropout = (LockedDropout if config.backbone.locked_dropout else nn.Dropout)(config.input_dropout)
        self.output_dropout = nn.Dropout(config.output_dropout)

    @property
    def tokenizers(self) -> tuple[Tokenizer]:
        """What `ClassifierNetConfig.build` takes."""
        return (self.tokenizer,)

    @property
    def streams(self) -> bool:
        """Whether it can be asked after each token: it reads one way."""
        return isinstance(self.backbone, Stack)

    def depths(self) -> list[list[nn.Parameter]]:
        """The parameters from the top down: output layer and pooling, each layer of the stack, the embedding."""
        stack = self.backbone
        layers: list[list[nn.Module]]
        if isinstance(stack, Stack):
            layers = [[layer] for layer in stack.layers]
        else:
            layers = [[*pair] for pair in zip(stack.ahead, stack.back, strict=True)]
        parts: list[list[nn.Module]] = [
            [self.head, self.readout, self.pooling, stack.final_norm],
            *([*layer] for layer in reversed(layers)),
            [self.embedding_projection, self.embedding],
        ]
        found = [[p for part in layer for p in part.parameters()] for layer in parts]
        norms = [*stack.norms]  # what stands below a layer goes with it
        for place, norm in enumerate(norms, 1):
            found[len(layers) - place] += list(norm.parameters())
        return found

    def load_embeddings(self, vectors: Vectors) -> Self:
        """Fills the embedding table with vectors of a file.

        Args:
            vectors: what `rnnzoo.embeddings.load_vectors` gave for this model's tokenizer.

        Returns:
            The model itself.

        Raises:
            UserError: they are of another vocabulary or dimension.
        """
        size, dim = self.embedding.weight.shape
        if vectors.matrix.shape != (size, dim):
            raise UserError(
                f"the vectors are {' x '.join(map(str, vectors.matrix.shape))}, the model's table is {size} x {dim}"
            )
        with torch.no_grad():
            self.embedding.weight.copy_(torch.from_numpy(vectors.matrix))
        return self

    def set_output_temperature(self, temperature: float) -> None:
        """Divides what the output layer says by `temperature` from now on.

        Raises:
            ValueError: it is not above 0.
        """
        self.config = self.config.replace(output_temperature=temperature)
        self.head.temperature = temperature

    # -------------------------------------------------------------------------------------- whole texts

    def forward_features(
        self, tokens: Int[Tensor, "B T"], lengths: Int[Tensor, "B"] | None = None
    ) -> Float[Tensor, "B T H"]:
        """The last layer's outputs at all steps, zero past each row's end.

        Args:
            tokens: ids; what stands past a row's end does not matter.
            lengths: valid steps of each row, 0 and more; all of them when left out.
        """
        vectors = dropped_embedding(tokens, self.embedding, self.config.embedding_dropout, self.training)
        outputs: Tensor = self.backbone(self.input_dropout(self.embedding_projection(vectors)), lengths=lengths)[0]
        return outputs

    def pooled(self, tokens: Int[Tensor, "B T"], lengths: Int[Tensor, "B"] | None = None) -> Float[Tensor, "B P"]:
        """One vector of each text, before any dropout of its own; arguments as for `forward_features`."""
        vectors: Tensor = self.pooling(self.forward_features(tokens, lengths), lengths)
        return vectors

    def forward_head(self, pooled: Float[Tensor, "B P"]) -> Float[Tensor, "B C"]:
        """The rest of `forward`, from what `pooled` gave."""
        logits: Tensor = self.head(self.readout(self.output_dropout(pooled)))
        return logits

    def forward(self, tokens: Int[Tensor, "B T"], lengths: Int[Tensor, "B"] | None = None) -> Float[Tensor, "B C"]:
        """Logits of all labels: unnormalised log-probabilities; of labels decided one by one, log-odds.

        Args:
            tokens, lengths: as for `forward_features`.
        """
        return self.forward_head(self.pooled(tokens, lengths))

    def probabilities_of(self, logits: Float[Tensor, "*B C"]) -> Float[Tensor, "*B C"]:
        """The probability of each label; of labels decided one by one, each by itself."""
        return logits.sigmoid() if self.config.several else logits.softmax(-1)

    def nll(self, logits: Float[Tensor, "B C"], targets: Tensor) -> Float[Tensor, "B"]:
        """-ln p(the labels of each text), in nats.

        Args:
            logits: what `forward` gave.
            targets: (B,) label numbers; where a text may have several, (B, C) of 0 and 1.
        """
        if logits.dtype in (torch.float16, torch.bfloat16):
            logits = logits.float()
        if not self.config.several:
            return F.cross_entropy(logits, targets, reduction="none")
        return F.binary_cross_entropy_with_logits(logits, targets.to(logits.dtype), reduction="none").sum(-1)

    # ------------------------------------------------------------------------------------ token by token

    def initial_state(self, batch_size: int) -> ClassifierState:
        """What is carried before the first token, for `batch_size` rows.

        Raises:
            UserError: the model reads both ways.
        """
        backbone = self._one_way()
        return ClassifierState(
            backbone.initial_state(batch_size), self.pooling.initial(batch_size, self.embedding.weight)
        )

    def step(
        self, tokens: Int[Tensor, "B"], state: ClassifierState, memory: State = ()
    ) -> tuple[Float[Tensor, "B C"], ClassifierState]:
        """One token further: the logits after it, as `forward` would give them for the text so far."""
        output, layers = self._one_way().step(self.embedding_projection(self.embedding(tokens)), state.layers)
        vectors, pooled = self.pooling.step(output, state.pooled)
        return self.head(self.readout(vectors)), ClassifierState(layers, pooled)

    def _one_way(self) -> Stack:
        if not isinstance(self.backbone, Stack):
            raise UserError("this classifier reads both ways: it has to see the whole text, not token by token")
        return self.backbone
