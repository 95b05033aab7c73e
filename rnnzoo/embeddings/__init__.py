"""Word vectors from files: GloVe, word2vec and fastText, as a matrix over a vocabulary.

One line loads any of them, and reads only what the vocabulary needs::

    vectors = rnnzoo.embeddings.load_vectors("glove.6B.zip", vocabulary, member="glove.6B.100d.txt")
"""

from __future__ import annotations

from rnnzoo.embeddings.coverage import Coverage
from rnnzoo.embeddings.load import Vectors, load_vectors
from rnnzoo.embeddings.neighbours import nearest

__all__ = ["Coverage", "Vectors", "load_vectors", "nearest"]
