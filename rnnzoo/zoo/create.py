"""A model by name, as it is or with a new head, trained or fresh: what users of timm know as `create_model`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from rnnzoo.errors import UserError
from rnnzoo.models import Classifier, ClassifierConfig, LanguageModel, Seq2Seq
from rnnzoo.models.transfer import classifier_on
from rnnzoo.zoo.kinds import Model, kind_of
from rnnzoo.zoo.loading import load

__all__ = ["create_model"]


def create_model(
    name: str | os.PathLike[str],
    *,
    pretrained: bool = True,
    num_classes: int | None = None,
    labels: Sequence[str] | None = None,
    head: ClassifierConfig | dict[str, Any] | None = None,
    **options: Any,
) -> Model:
    """The model of that name; with `num_classes` or `labels`, a classifier with a new head on what it has learned.

    Args:
        name: an entry of the zoo, a folder or a hub repository, of any kind.
        pretrained: with its weights; else with fresh ones in the same form.
        num_classes: labels of the classifier, called ``"0"``, ``"1"``, ...
        labels: those labels by name.
        head: pooling, dropout and readout of the classifier: `ClassifierConfig` or its fields.
        options: those of `rnnzoo.load`.

    Returns:
        A plain model, in evaluation mode; `forward_features` gives its outputs at all steps, `embed` vectors of texts.

    Raises:
        UserError: as `rnnzoo.load`; `num_classes` and `labels` do not fit, or are too few.
    """
    model: Model = load(name, **options)
    if not pretrained:
        kind = kind_of(model)
        fresh: Model = kind.build(model.config, kind.tokenizers_of(model))
        model = fresh.eval()
    if num_classes is None and labels is None:
        if head is not None:
            raise UserError("head: say how many classes it has, with num_classes or labels")
        return model
    names = tuple(map(str, range(num_classes or 0))) if labels is None else tuple(labels)
    if num_classes not in (None, len(names)):
        raise UserError(f"num_classes is {num_classes}, and there are {len(names)} labels")
    config = ClassifierConfig.from_dict(head or {}, "head").replace(labels=names)
    assert isinstance(model, Classifier | LanguageModel | Seq2Seq)
    try:
        return classifier_on(model, config)
    except ValueError as error:
        raise UserError(f"num_classes: {error}") from None
