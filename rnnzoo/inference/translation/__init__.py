"""Sentences through a translator. Read from the top: evaluation, attention_picture, translate, sentences."""
