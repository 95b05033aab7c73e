def evaluate_translation(*a, **k):
    raise NotImplementedError
