"""Which words moved a classifier: what its answer would be without each of them (occlusion).

Zeiler & Fergus 2014 (arXiv:1311.2901) cover parts of a picture; Li et al. 2016 (arXiv:1612.08220) erase words.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from rnnzoo.inference.classification.classify import probabilities
from rnnzoo.networks.classifier_net import ClassifierNet

__all__ = ["Influence", "explain"]


class Influence(NamedTuple):
    """A piece of a text, and how much it spoke for the label.

    Attributes:
        piece: as it stands in the text; the pieces joined are the text. influence: the probability of the label with it
            minus that without it; 0 of white space.
    """

    piece: str
    influence: float


def explain(
    model: ClassifierNet, text: str, label: str | None = None, *, unknown: Literal["error", "drop"] = "error"
) -> list[Influence]:
    """How much each word of a text, or each character of a single word, spoke for a label.

    Args:
        model: any classifier; it is used without dropout. text: what it reads.
        label: which one; the likeliest when left out. unknown: as for `classify`.

    Raises:
        UserError: characters that the vocabulary does not have. ValueError: the model has no such label.
    """
    if label is not None and label not in model.labels:
        raise ValueError(f"there is no label {label!r}")
    pieces = re.findall(r"\s+|\S+", text)
    if sum(not piece.isspace() for piece in pieces) == 1:
        pieces = list(text)
    places = [place for place, piece in enumerate(pieces) if not piece.isspace()]
    without = ["".join(pieces[:place] + pieces[place + 1 :]) for place in places]
    found = probabilities(model, [text, *without], unknown=unknown)
    number = int(found[0].argmax()) if label is None else model.labels.index(label)
    moved = dict(zip(places, (found[0, number] - found[1:, number]).tolist(), strict=True))
    return [Influence(piece, moved.get(place, 0.0)) for place, piece in enumerate(pieces)]
