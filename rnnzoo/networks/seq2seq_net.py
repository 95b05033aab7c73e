"""An encoder-decoder: reads a sentence with one stack of cells, writes another with a second one.

Sutskever et al. 2014 (arXiv:1409.3215) and Cho et al. 2014 (arXiv:1406.1078) without attention, Luong et al. 2015
(arXiv:1508.04025) with it: the decoder's output asks the memory, and what it reads joins that output in the readout.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Self

import torch
from torch import nn
from torch.nn.utils import parametrize

from rnnzoo.backbones import BidirectionalStackConfig, Stack, StackConfig, reverse
from rnnzoo.cells.gru import GRUConfig
from rnnzoo.config import Config
from rnnzoo.embeddings import Vectors
from rnnzoo.errors import UserError
from rnnzoo.networks.base import Network
from rnnzoo.networks.bridge import Bridge, BridgeKind
from rnnzoo.nn import IGNORED, LinearHead, LockedDropout, dropped_embedding, one_mask, valid_steps
from rnnzoo.nn.attention import AttentionConfig, GeneralConfig, Memory
from rnnzoo.ranges import Count, DropProbability, Size, SizeOrZero
from rnnzoo.shapes import Float, Int, Tensor
from rnnzoo.state import State
from rnnzoo.text import Tokenizer

__all__ = ["DecoderState", "Seq2SeqNet", "Seq2SeqNetConfig"]


@dataclass(frozen=True)
class Seq2SeqNetConfig(Config):
    """A recurrent encoder-decoder over any two tokenizers.

    Args:
        embedding_dim: features of a token's vector, on both sides.
        embedding_dropout: share of the vocabulary whose vectors are dropped, whole, in a training forward.
        input_dropout: dropout on the vectors before the first layer of either side.
        encoder: the stack that reads; `hidden_size` is that of one direction.
        bidirectional: it reads in both directions, its outputs are then twice as wide.
        decoder: the stack that writes.
        reverse_source: the source is read from its end (Sutskever et al.).
        bridge: what the decoder begins with: ``zero``, ``copy`` or ``projected``, see `rnnzoo.networks.bridge.Bridge`.
        attention: how the decoder looks at the encoder's outputs; null for not at all.
        input_feeding: the readout is part of the decoder's next input (Luong et al.); the decoder is then unrolled
            step by step in training, which is several times slower.
        readout_size: features of what the output layer gets: tanh of a linear map of the decoder's output and of what
            attention read (without attention a linear map, where sizes differ); 0 for embedding_dim.
        output_dropout: dropout on the readout.
        shared: which tables are one: ``none``; ``decoder``, the target's vectors and the output layer; ``all``, the
            source's vectors too, which needs a joint vocabulary.
        max_source: tokens of the longest source in training, the boundary counted; a longer one is translated with a
            warning. 0 if unknown.
    """

    embedding_dim: Size = 256
    embedding_dropout: DropProbability = 0.0
    input_dropout: DropProbability = 0.0
    encoder: StackConfig = field(default_factory=lambda: StackConfig(cell=GRUConfig(), hidden_size=192))
    bidirectional: bool = True
    decoder: StackConfig = field(default_factory=lambda: StackConfig(cell=GRUConfig(), hidden_size=384))
    reverse_source: bool = False
    bridge: BridgeKind = "projected"
    attention: AttentionConfig | None = field(default_factory=GeneralConfig)
    input_feeding: bool = False
    readout_size: SizeOrZero = 0
    output_dropout: DropProbability = 0.0
    shared: Literal["none", "decoder", "all"] = "none"
    max_source: Count = 0

    def __post_init__(self) -> None:
        if self.shared != "none" and self.readout_size not in (0, self.embedding_dim):
            raise ValueError("shared: the output layer has embedding_dim features; leave readout_size at 0")
        if self.attention is None and self.bridge == "zero":
            raise ValueError("without attention and with bridge: zero, the decoder would know nothing of the source")

    def build(self, src_tokenizer: Tokenizer, tgt_tokenizer: Tokenizer | None = None) -> Seq2SeqNet:
        """The net, with fresh weights.

        Args:
            src_tokenizer: the source's vocabulary. tgt_tokenizer: the target's; the same one when left out.

        Raises:
            ValueError: parts do not fit each other.
        """
        return Seq2SeqNet(self, src_tokenizer, src_tokenizer if tgt_tokenizer is None else tgt_tokenizer)


class DecoderState(NamedTuple):
    """What is carried from one target token to the next.

    Attributes:
        layers: the decoder stack's state.
        fed: (B, F), the last readout where it is fed back in; else F = 0.
    """

    layers: State
    fed: Tensor


class Seq2SeqNet(Network):
    """p(target | source), token by token.

    A sentence is framed by one symbol that no tokenizer has, the boundary: it ends every source and every target, and
    it is what the decoder is given first.

    Attributes:
        config: what it was built from.
        src_tokenizer, tgt_tokenizer: text to ids and back; one object where the vocabulary is joint.
        src_boundary, boundary: the boundary's id in the source's and in the target's vocabulary.
        vocab_size: V of the target, the boundary counted.
    """

    def __init__(self, config: Seq2SeqNetConfig, src_tokenizer: Tokenizer, tgt_tokenizer: Tokenizer) -> None:
        super().__init__()
        if config.shared == "all" and src_tokenizer != tgt_tokenizer:
            raise ValueError("shared: all needs a joint vocabulary (data.joint)")
        self.config: Seq2SeqNetConfig = config
        self.src_tokenizer, self.tgt_tokenizer = src_tokenizer, tgt_tokenizer
        self.src_boundary, self.boundary = src_tokenizer.vocab_size, tgt_tokenizer.vocab_size
        self.vocab_size = self.boundary + 1
        width = config.embedding_dim
        self.tgt_embedding = nn.Embedding(self.vocab_size, width)
        self.src_embedding = (
            self.tgt_embedding if config.shared == "all" else nn.Embedding(self.src_boundary + 1, width)
        )
        self.encoder = _encoder(config).build(width)
        features = config.readout_size or width
        self.decoder: Stack = config.decoder.build(width + (features if config.input_feeding else 0))
        self.bridge = Bridge(config.bridge, self.encoder, self.decoder)
        size = self.decoder.output_size
        self.attention_layer = (
            None if config.attention is None else config.attention.build(size, self.encoder.output_size)
        )
        if self.attention_layer is None:
            if config.bridge == "projected" and not self.bridge.carries:
                raise ValueError(
                    "bridge: projected has nothing to project to in this decoder, and there is no attention"
                )
            self.readout: nn.Module = nn.Identity() if features == size else nn.Linear(size, features)
        else:
            joined = nn.Linear(size + self.attention_layer.context_size, features)
            nn.init.xavier_uniform_(joined.weight)
            nn.init.zeros_(joined.bias)
            self.readout = nn.Sequential(joined, nn.Tanh())
        self.features_size = features
        self.head = LinearHead(features, self.vocab_size)
        nn.init.zeros_(self.head.bias)
        if config.shared == "none":
            nn.init.xavier_uniform_(self.head.weight)
        else:
            self.tie()
        for table in (self.src_embedding, self.tgt_embedding):
            nn.init.normal_(table.weight, std=width**-0.5)  # as an output layer it needs small weights
        dropout = LockedDropout if config.decoder.locked_dropout else nn.Dropout
        self.input_dropout, self.output_dropout = dropout(config.input_dropout), dropout(config.output_dropout)

    def load_embeddings(self, *, src: Vectors | None = None, tgt: Vectors | None = None) -> Self:
        """Fills embedding tables with vectors of files; the boundary, which no file has, keeps its own.

        A table that is shared with the output layer fills that, too.

        Args:
            src: what `rnnzoo.embeddings.load_vectors` gave for the source's tokenizer. tgt: for the target's.

        Returns:
            The model itself.

        Raises:
            UserError: they are of another vocabulary or dimension; or two files for a table that is one.
        """
        if src is not None and tgt is not None and self.src_embedding is self.tgt_embedding:
            raise UserError("both sides share one table: give vectors for one of them")
        for side, table, vectors in (("source", self.src_embedding, src), ("target", self.tgt_embedding, tgt)):
            if vectors is None:
                continue
            size, dim = table.num_embeddings - 1, table.embedding_dim
            if vectors.matrix.shape != (size, dim):
                given = " x ".join(map(str, vectors.matrix.shape))
                raise UserError(f"the vectors are {given}, the {side}'s table is {size} x {dim} and the boundary")
            with torch.no_grad():
                table.weight[:-1].copy_(torch.from_numpy(vectors.matrix))
        return self

    @property
    def tokenizers(self) -> tuple[Tokenizer, Tokenizer]:
        """What `Seq2SeqNetConfig.build` takes."""
        return self.src_tokenizer, self.tgt_tokenizer

    def tie(self) -> None:
        if self.config.shared != "none":
            self.head.weight = self.tgt_embedding.weight
        if self.config.shared == "all":
            self.src_embedding.weight = self.tgt_embedding.weight

    # ------------------------------------------------------------------------------------------ halves

    def encode(self, src: Int[Tensor, "B S"], lengths: Int[Tensor, "B"]) -> tuple[DecoderState, Memory | tuple[()]]:
        """Reads sources.

        Args:
            src: ids in reading order, each row ended by the boundary; what stands past a row's end does not matter.
            lengths: valid steps of each row, the boundary counted.

        Returns:
            The decoder's first state, and the memory that `step` reads; empty without attention.
        """
        x = self._embed(self.src_embedding, src)
        if self.config.reverse_source:
            x = reverse(x, lengths)
        outputs, final = self.encoder(x, lengths=lengths)
        fed = outputs.new_zeros(src.size(0), self.features_size if self.config.input_feeding else 0)
        state = DecoderState(self.bridge(outputs, final, lengths), fed)
        if self.attention_layer is None:
            return state, ()
        return state, self.attention_layer.prepare(outputs, valid_steps(lengths, src.size(1), src.device))

    def forward_features(
        self, tokens: Int[Tensor, "B T"], lengths: Int[Tensor, "B"] | None = None
    ) -> Float[Tensor, "B T H"]:
        """The encoder's outputs at all steps of sources without their boundary, zero past each row's end.

        Args:
            tokens: ids in reading order; what stands past a row's end does not matter.
            lengths: valid steps; all of them when left out.
        """
        x = self._embed(self.src_embedding, tokens)
        if self.config.reverse_source:
            x = reverse(x, lengths)
        outputs: Tensor = self.encoder(x, lengths=lengths)[0]
        return outputs

    def step(
        self, tokens: Int[Tensor, "B"], state: DecoderState, memory: Memory | tuple[()]
    ) -> tuple[Float[Tensor, "B V"], DecoderState]:
        """One token further: unnormalised log-probabilities of the next; what decoding calls."""
        x = self.tgt_embedding(tokens)
        y, layers = self.decoder.step(torch.cat((x, state.fed), dim=-1), state.layers)
        readout, _ = self._read(y[:, None], memory)
        readout = readout[:, 0]
        return self.head(readout), DecoderState(layers, readout if self.config.input_feeding else state.fed)

    # --------------------------------------------------------------------------------- teacher forcing

    def features(
        self, src: Int[Tensor, "B S"], src_lengths: Int[Tensor, "B"], tgt: Int[Tensor, "B T"]
    ) -> Float[Tensor, "B T H"]:
        """What the output layer gets for each target token, before dropout.

        Args:
            src, src_lengths: as for `encode`. tgt: what the decoder is given: the boundary, then the target's ids.
        """
        return self._decode(tgt, *self.encode(src, src_lengths))[0]

    def forward(
        self, src: Int[Tensor, "B S"], src_lengths: Int[Tensor, "B"], tgt: Int[Tensor, "B T"]
    ) -> Float[Tensor, "B T V"]:
        """Unnormalised log-probabilities of each next target token; arguments as for `features`."""
        logits: Tensor = self.head(self.output_dropout(self.features(src, src_lengths, tgt)))
        return logits

    def nll(
        self,
        src: Int[Tensor, "B S"],
        src_lengths: Int[Tensor, "B"],
        tgt: Int[Tensor, "B T"],
        targets: Int[Tensor, "B T"],
    ) -> Float[Tensor, ""]:
        """The sum of -ln p(target), in nats, over the targets that are not `IGNORED`."""
        features = self.output_dropout(self.features(src, src_lengths, tgt))
        counted = targets != IGNORED  # the output layer is most of the work: it does not see padding
        return self.head.nll(features[counted], targets[counted])

    @torch.no_grad()
    def attention(
        self, src: Int[Tensor, "B S"], src_lengths: Int[Tensor, "B"], tgt: Int[Tensor, "B T"]
    ) -> Float[Tensor, "B T S"]:
        """Where each target token looked, as weights over the source's tokens in reading order.

        Raises:
            UserError: the model has no attention.
        """
        if self.attention_layer is None:
            raise UserError("this model has no attention: it translates from one vector a sentence")
        weights = self._decode(tgt, *self.encode(src, src_lengths))[1]
        assert weights is not None
        if self.config.reverse_source:
            weights = reverse(weights.transpose(1, 2), src_lengths).transpose(1, 2)
        return weights

    # ------------------------------------------------------------------------------------------- parts

    def _embed(self, table: nn.Embedding, tokens: Tensor) -> Tensor:
        vectors = dropped_embedding(tokens, table, self.config.embedding_dropout, self.training)
        dropped: Tensor = self.input_dropout(vectors)
        return dropped

    def _decode(
        self, tgt: Int[Tensor, "B T"], state: DecoderState, memory: Memory | tuple[()]
    ) -> tuple[Float[Tensor, "B T H"], Float[Tensor, "B T S"] | None]:
        """Readouts and attention weights of given target tokens."""
        x = self._embed(self.tgt_embedding, tgt)
        if not self.config.input_feeding:
            return self._read(self.decoder(x, state.layers)[0], memory)
        layers, fed = state
        readouts, looked = [], []
        with parametrize.cached(), one_mask(self.decoder) as begin_step:
            for t in range(tgt.size(1)):
                begin_step()
                y, layers = self.decoder.step(torch.cat((x[:, t], fed), dim=-1), layers)
                readout, weights = self._read(y[:, None], memory)
                fed = readout[:, 0]
                readouts.append(readout)
                looked.append(weights)
        attended = [weights for weights in looked if weights is not None]
        return torch.cat(readouts, dim=1), torch.cat(attended, dim=1) if attended else None

    def _read(self, y: Tensor, memory: Memory | tuple[()]) -> tuple[Tensor, Tensor | None]:
        """The readout of decoder outputs (B, T, H), and the attention weights."""
        if self.attention_layer is None:
            return self.readout(y), None
        context, weights = self.attention_layer(y, memory)
        return self.readout(torch.cat((y, context), dim=-1)), weights


def _encoder(config: Seq2SeqNetConfig) -> StackConfig:
    if not config.bidirectional:
        return config.encoder
    return BidirectionalStackConfig.from_dict(config.encoder.to_dict())
