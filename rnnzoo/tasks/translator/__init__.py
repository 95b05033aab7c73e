"""Translators of sentences: recipes, module, job, and what the zoo has to know."""
