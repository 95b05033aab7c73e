"""Models of the zoo in other people's programs; each module needs the package that it is named after.

lm_eval         the model type ``rnnzoo`` of lm-evaluation-harness (extra ``eval``)
transformers    models and tokenizers for its Auto classes, `generate` and `Trainer` (extra ``transformers``)
"""
