"""Language models, of characters and of words: recipes, module, job, and what the zoo has to know."""
