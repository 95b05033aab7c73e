"""How well a language model predicts text.

Read from the top: text, sentence_pairs, rows, adaptation, dynamic, surprisal, neural_cache.
"""
