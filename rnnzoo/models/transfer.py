"""A classifier on top of a model that has learned something else: its embedding and stack, a new head."""

from __future__ import annotations

import torch

from rnnzoo.errors import UserError
from rnnzoo.inference.eval_mode import device_of
from rnnzoo.models.classifier import Classifier, ClassifierConfig
from rnnzoo.models.language_model import LanguageModel
from rnnzoo.models.seq2seq import Seq2Seq
from rnnzoo.nn.dropout import plain_name
from rnnzoo.shapes import Float, Tensor
from rnnzoo.text import Tokenizer

__all__ = ["classifier_on"]


def classifier_on(
    encoder: LanguageModel | Seq2Seq | Classifier, config: ClassifierConfig, tokenizer: Tokenizer | None = None
) -> Classifier:
    """A classifier that begins with what another model knows.

    Args:
        encoder: whose vectors and stack are taken; of a translator its encoder's. It is left as it is.
        config: labels, pooling, dropout and readout; what describes vectors and stack is the encoder's.
        tokenizer: the classifier's; the encoder's own when left out. A token that both have keeps its vector, new ones
            are drawn around the mean of the known ones with their spread.

    Raises:
        UserError: the encoder is a translator's that reads from the end.
    """
    own = encoder.tokenizers[0]
    both = not isinstance(encoder, LanguageModel) and encoder.config.bidirectional
    if isinstance(encoder, Seq2Seq):
        if encoder.config.reverse_source:
            raise UserError(
                "encoder: this translator reads its source from the end, and a classifier from the beginning"
            )
        stack, module = encoder.config.encoder, encoder.encoder
        projection = 0
    else:
        stack, module = encoder.config.backbone, encoder.backbone  # type: ignore[assignment]
        projection = encoder.config.embedding_projection
    table = _vectors(encoder, own.vocab_size)
    made = config.replace(
        embedding_dim=table.size(1), embedding_projection=projection, backbone=stack, bidirectional=both
    ).build(tokenizer or own)
    given = {plain_name(f"backbone.{name}"): weight for name, weight in module.state_dict().items()}
    if projection:
        weights = encoder.state_dict()
        given |= {name: weights[name] for name in weights if name.startswith("embedding_projection.")}
    with torch.no_grad():
        for name, weight in made.state_dict().items():
            if (found := given.get(plain_name(name))) is not None:
                weight.copy_(found)
        made.embedding.weight.copy_(_rows(table, own, made.tokenizer))
    return made.to(device_of(encoder)).train(encoder.training)


def _vectors(encoder: LanguageModel | Seq2Seq | Classifier, count: int) -> Float[Tensor, "V D"]:
    """The vectors of all tokens; those of an adaptive softmax as they are looked up."""
    embedding = encoder.src_embedding if isinstance(encoder, Seq2Seq) else encoder.embedding
    with torch.no_grad():
        table: Tensor = embedding(torch.arange(count, device=device_of(encoder)))
    return table.detach()


def _rows(table: Float[Tensor, "V D"], own: Tokenizer, new: Tokenizer) -> Float[Tensor, "W D"]:
    """The table of another vocabulary."""
    if new == own:
        return table
    place = {text: row for row, text in enumerate(own.token_texts())}
    rows = table.mean(0) + torch.randn(new.vocab_size, table.size(1)).to(table) * table.std(0, correction=0)
    for row, text in enumerate(new.token_texts()):
        if text in place:
            rows[row] = table[place[text]]
    return rows
