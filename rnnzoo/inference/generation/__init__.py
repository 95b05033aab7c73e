"""Text from a language model. Read from the top: generate, search, session, session_file, prime; and next_tokens."""
