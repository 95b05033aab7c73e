"""A translation by a model that `rnnzoo export MODEL out.onnx` has written: ONNX Runtime, NumPy and tokenizers.

python examples/onnx_translate.py out.onnx "A man is riding a bicycle."
"""

import json
import sys

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

path, sentence = sys.argv[1], sys.argv[2]
with open(path.removesuffix(".onnx") + ".json", encoding="utf-8") as file:
    about = json.load(file)
found = about["tokenizers"]
target = Tokenizer.from_str(json.dumps(found["tokenizer"]))
source = Tokenizer.from_str(json.dumps(found.get("tokenizer.src", found["tokenizer"])))
encoder = onnxruntime.InferenceSession(path.removesuffix(".onnx") + ".encoder.onnx")
step = onnxruntime.InferenceSession(path)
ids = [*source.encode(sentence).ids, about["source_end"]]
names = [one.name for one in encoder.get_outputs()]
given = dict(zip(names, encoder.run(None, {"src": np.array([ids]), "lengths": np.array([len(ids)])}), strict=True))
given = {one.name: given.get(one.name) for one in step.get_inputs()}
tokens = [about["start"]]
while len(tokens) < 2 * len(ids) + 10 and (len(tokens) == 1 or tokens[-1] != about["end"]):
    given["tokens"] = np.array(tokens[-1:])
    for one, value in zip(step.get_outputs(), step.run(None, given), strict=True):
        given[one.name.removeprefix("new_")] = value
    logits = given.pop("logits")[0]
    logits[about["unwritten"]] = -np.inf
    tokens.append(int(logits.argmax()))
print(target.decode([token for token in tokens[1:] if token != about["end"]]))
