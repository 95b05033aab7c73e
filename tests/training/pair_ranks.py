"""Run by test_pair_data: a translator trained on two ranks, one process each."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import small_lm

warnings.simplefilter("error")
for _filter in small_lm.FILTERS:
    warnings.filterwarnings("ignore", _filter.removeprefix("ignore:"))

from test_pair_data import Seen, pair_data, translator  # noqa: E402


def main(folder: Path, out: str) -> None:
    data, seen = pair_data(folder), Seen()
    module = translator(data)
    trainer = small_lm.trainer(
        seen, devices=2, strategy="ddp", precision="64-true", max_epochs=2, use_distributed_sampler=False
    )
    trainer.fit(module, datamodule=data)
    found = {
        "tokens": module.tokens_trained,
        "batches": seen.batches,
        "weights": {name: parameter.tolist() for name, parameter in module.named_parameters()},
        "val": [float(trainer.callback_metrics[name]) for name in ("val/nll", "val/bleu")],
        "examples": module.examples,
    }
    Path(f"{out}.{trainer.global_rank}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
