"""What a classifier is used for: labels of texts, one token at a time or whole, and why."""
