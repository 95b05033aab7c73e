"""python ship_probe.py FOLDER ASKED.json: what an exported model says and takes where nothing but the runtime is.

Imports neither rnnzoo nor PyTorch. Writes one JSON object; `python -m benchmarks.ship` runs it.
"""

import json
import sys
import time

from rnnzoo_runtime import LanguageModel, Model


def most_memory() -> int:
    """Bytes that this process had at most: not those of the one that started it, which getrusage counts."""
    with open("/proc/self/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith("VmHWM"))


def main(folder: str, asked_file: str) -> None:
    """Runs what is asked for."""
    with open(asked_file, encoding="utf-8") as file:
        asked = json.load(file)
    model, found = Model.open(folder), {}
    if isinstance(model, LanguageModel):
        next(model.stream(asked["prompt"], temperature=0, max_new_tokens=1, unknown="drop"))
        found["first"] = time.process_time()
        began = time.process_time()
        found["text"] = model.generate(asked["prompt"], temperature=0, max_new_tokens=asked["tokens"], unknown="drop")[
            0
        ]
        found["seconds"] = (time.process_time() - began) / asked["tokens"]
        found["nats"] = model.score(asked["text"]).nats.tolist()
    else:
        model.translate(asked["sentences"][0])
        found["first"] = time.process_time()
        began = time.process_time()
        found["translations"] = model.translate(asked["sentences"], beam=5)
        found["seconds"] = (time.process_time() - began) / len(asked["sentences"])
    found["memory"] = most_memory()
    found["torch"] = "torch" in sys.modules
    # all logits, last, since they are not what an app would keep
    if isinstance(model, LanguageModel):
        import numpy as np

        state, said = model.first_state, []
        for token in asked["ids"]:
            logits, state = model.step(np.array([token]), state)
            said.append(logits[0])
        found["off"] = float(np.abs(np.stack(said) - np.load(asked["logits"])).max())
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
