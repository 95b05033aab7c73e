"""Text from a character model that `rnnzoo export MODEL out.onnx` has written: ONNX Runtime and NumPy, no PyTorch.

python examples/onnx_generate.py out.onnx "ROMEO:" 300
"""

import json
import sys

import numpy as np
import onnxruntime

path, prompt, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
with open(path.removesuffix(".onnx") + ".json", encoding="utf-8") as file:
    about = json.load(file)
ids = about["tokenizers"]["tokenizer"]["model"]["vocab"]
texts = {number: text for text, number in ids.items()}
session, draw = onnxruntime.InferenceSession(path), np.random.default_rng(0)
state = {
    one["name"]: np.broadcast_to(np.array(one["initial"], one["dtype"]), (1, *one["shape"][1:]))
    for one in about["graphs"]["step"]["inputs"][1:]  # the first is the tokens
}
tokens = [ids[character] for character in prompt] or [about["start"]]
for place in range(len(tokens) + count - 1):
    logits, *new = session.run(None, {"tokens": np.array(tokens[place : place + 1]), **state})
    state = dict(zip(state, new, strict=True))  # in the order of the inputs
    if place == len(tokens) - 1:
        logits[0, about["unwritten"]] = -np.inf
        weights = np.exp((logits[0] - logits[0].max()) / 0.8)
        tokens.append(int(draw.choice(len(weights), p=weights / weights.sum())))
print("".join(texts[token] for token in tokens))
