"""Sentences of our own, for the cards of translators whose corpus must not be quoted."""

from __future__ import annotations

__all__ = ["EXAMPLES"]

EXAMPLES: dict[str, tuple[str, ...]] = {
    "en": (
        "A man is riding a bicycle.",
        "Two dogs are chasing each other through deep snow.",
        "A woman in a red coat is waiting for the bus with her little son.",
        "Three children are drawing a house on the pavement with chalk.",
        "An old man sits on a bench by the lake and reads a newspaper.",
        "A girl with a yellow umbrella is jumping over a puddle while her friends laugh.",
    ),
    "de": (
        "Ein Mann fährt Fahrrad.",
        "Zwei Hunde jagen sich durch den tiefen Schnee.",
        "Eine Frau in einem roten Mantel wartet mit ihrem kleinen Sohn auf den Bus.",
        "Drei Kinder malen mit Kreide ein Haus auf den Gehweg.",
        "Ein alter Mann sitzt auf einer Bank am See und liest eine Zeitung.",
        "Ein Mädchen mit einem gelben Regenschirm springt über eine Pfütze, während ihre Freunde lachen.",
    ),
    "fr": (
        "Un homme fait du vélo.",
        "Deux chiens se poursuivent dans la neige profonde.",
        "Une femme en manteau rouge attend le bus avec son petit garçon.",
        "Trois enfants dessinent une maison à la craie sur le trottoir.",
        "Un vieil homme est assis sur un banc au bord du lac et lit un journal.",
        "Une fille avec un parapluie jaune saute par-dessus une flaque pendant que ses amis rient.",
    ),
}
"""By language."""
