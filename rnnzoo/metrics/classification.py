"""How often a classifier is right, of each label alike, and whether it is as sure as it is right (torchmetrics)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = ["BINS", "classification_figures", "confusion"]

BINS = 15
"""Bins of the calibration error."""

_SHOWN = 30
"""Labels up to which all confusions are in the figures."""


def classification_figures(
    probabilities: Tensor, targets: Tensor, nats: float, labels: Sequence[str]
) -> dict[str, Any]:
    """The figures of one part.

    Args:
        probabilities: (N, C). targets: (N,) label numbers; where a text may have several labels, (N, C) of 0 and 1.
        nats: -ln p(labels), summed over the texts. labels: C names.

    Returns:
        accuracy: % of the texts whose labels are all right. macro_f1: %, the mean over the labels that there are.
        micro_f1: where a text may have several. calibration_error: %, by how much confidence and accuracy differ in
        `BINS` bins of confidence (expected calibration error, Guo et al. 2017, arXiv:1706.04599). nll: nats per text.
        texts: N. by_label: of each label f1 and recall in % and its texts. confusion: of `_SHOWN` labels at most, a row
        for each true label.
    """
    from torchmetrics.functional import classification as tm  # it imports matplotlib

    count, classes = len(targets), len(labels)
    probabilities = probabilities.double()
    if targets.dim() > 1:
        said = (probabilities > 0.5).long()
        right = (said == targets).all(1).double().mean()
        macro = tm.multilabel_f1_score(said, targets, classes, average="macro")
        f1 = tm.multilabel_f1_score(said, targets, classes, average=None)
        recall = tm.multilabel_recall(said, targets, classes, average=None)
        calibration = tm.binary_calibration_error(probabilities.flatten(), targets.flatten(), n_bins=BINS)
        supports = targets.sum(0)
        more: dict[str, Any] = {"micro_f1": _percent(tm.multilabel_f1_score(said, targets, classes, average="micro"))}
    else:
        said = probabilities.argmax(1)
        right = (said == targets).double().mean()
        macro = tm.multiclass_f1_score(said, targets, classes, average="macro")
        f1 = tm.multiclass_f1_score(said, targets, classes, average=None)
        recall = tm.multiclass_recall(said, targets, classes, average=None)
        calibration = tm.multiclass_calibration_error(probabilities, targets, classes, n_bins=BINS)
        supports = torch.bincount(targets, minlength=classes)
        more = {"confusion": confusion(probabilities, targets).tolist()} if classes <= _SHOWN else {}
    by_label = {
        label: {"f1": _percent(f1[number]), "recall": _percent(recall[number]), "texts": int(supports[number])}
        for number, label in enumerate(labels)
    }
    return {
        "accuracy": _percent(right),
        "macro_f1": _percent(macro),
        "calibration_error": _percent(calibration),
        "nll": nats / count,
        "texts": count,
        **more,
        "by_label": by_label,
    }


def confusion(probabilities: Tensor, targets: Tensor) -> Tensor:
    """Texts by their label and by what was said of them: a row for each true label, (C, C).

    Args:
        probabilities: (N, C). targets: (N,) label numbers.
    """
    from torchmetrics.functional import classification as tm

    found: Tensor = tm.multiclass_confusion_matrix(probabilities.argmax(1), targets, probabilities.size(1))
    return found


def _percent(share: Tensor) -> float:
    return round(100 * float(share), 4)
