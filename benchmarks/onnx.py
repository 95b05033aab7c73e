"""Generation by ONNX Runtime against the loops that everybody writes, and what weights of 8 bits do to the nll.

    python -m benchmarks.onnx
    OMP_NUM_THREADS=2 python -m benchmarks.onnx --threads 2
    python -m benchmarks.onnx --batch 64 --rounds 5 --json out.json
    python -m benchmarks.onnx --tokens 5 --rounds 1 --text-tokens 64        # whether it runs

The model is a trained one of LSTM layers; all sides have its weights, take the most probable character each time, and
take turns. Those in float32 must write the same text. A ratio is that of one round; the median stands with the least
and the greatest. With one thread the time is the processor's own, so that other work on the machine counts little. The
nll is that of the validation part of the model's corpus, read in 64 streams by the same steps that write.
"""

from __future__ import annotations

import os
import statistics
import sys
from typing import Any

import onnxruntime
import torch
import torch.nn.functional as F

from benchmarks import harness
from benchmarks.loops import Write, by_cell, by_module
from rnnzoo import load
from rnnzoo.data import load_corpus
from rnnzoo.inference.plans import prepare
from rnnzoo.models import LanguageModel
from rnnzoo.text.reading import start_token
from rnnzoo.zoo import find_model, read_config

NAIVE, BY_CELL = "nn.LSTM loop", "nn.LSTMCell loop"
BACKENDS = ("torch", "onnx", "onnx-int8")
STREAMS = 64


def by_plan(plan: Any, first: int, batch: int, tokens: int) -> Write:
    """A plan, in the same loop."""

    @torch.no_grad()
    def write() -> torch.Tensor:
        last, state, written = torch.full((batch,), first), plan.initial_state(batch), []
        for _ in range(tokens):
            logits, state = plan.step(last, state)
            last = logits.argmax(-1)
            written.append(last)
        return torch.stack(written, 1)

    return write


@torch.no_grad()
def nll(plan: Any, text: torch.Tensor) -> tuple[float, torch.Tensor]:
    """Nats per token of a text (B, T + 1), and the logits (B, T, V)."""
    state, said = plan.initial_state(len(text)), []
    for tokens in text[:, :-1].t():
        logits, state = plan.step(tokens.contiguous(), state)
        said.append(logits)
    logits = torch.stack(said, 1)
    return F.cross_entropy(logits.flatten(0, 1), text[:, 1:].flatten()).item(), logits


def real_text(model: LanguageModel, name: str, tokens: int) -> torch.Tensor:
    """The beginning of the validation part of the model's corpus, in streams."""
    corpus = load_corpus(read_config(find_model(name))["data"]["corpus"])
    ids = torch.from_numpy(model.tokenizer.encode(corpus.splits["valid"]).astype("int64"))
    steps = min(tokens, len(ids) - 1) // STREAMS
    return torch.stack([ids[row * steps : (row + 1) * steps + 1] for row in range(STREAMS)])


def main(arguments: list[str] | None = None) -> int:
    """Measures and prints; returns the exit code."""
    parser = harness.parser_of("onnx", __doc__, rounds=5, threads=1)
    parser.add_argument("--model", default="char-best.tinyshakespeare", help="a model of LSTM layers")
    parser.add_argument("--batch", type=int, default=1, help="texts at once (1)")
    parser.add_argument("--tokens", type=int, default=150, help="characters of a round (150)")
    parser.add_argument("--text-tokens", type=int, default=12_800, help="tokens that the nll is measured on (12,800)")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    if options.threads > 1:
        options.clock = "wall"  # the processor's counts the threads together
    now = harness.CLOCKS[options.clock]
    model = load(options.model, kind=LanguageModel)
    plans = {backend: prepare(model, backend) for backend in BACKENDS}
    size, first = (options.batch, options.tokens), start_token(model.tokenizer)
    sides = {NAIVE: by_module(model, *size, first=first), BY_CELL: by_cell(model, *size, first=first)}
    sides |= {backend: by_plan(plan, first, *size) for backend, plan in plans.items()}
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    texts: dict[str, torch.Tensor] = {}
    for number in range(options.rounds + 1):
        for name in sides if number % 2 else reversed(sides):
            begun = now()
            texts[name] = sides[name]()
            if number:
                seconds[name].append(now() - begun)
    assert all(torch.equal(texts[name], texts[NAIVE]) for name in (BY_CELL, "torch", "onnx")), "other texts"
    text = real_text(model, options.model, options.text_tokens)
    scores = {backend: nll(plan, text) for backend, plan in plans.items()}
    moved = {backend: (logits - scores["torch"][1]).abs() for backend, (_, logits) in scores.items()}

    print(
        f"{options.model}, batch {options.batch}, {options.threads} threads, load {os.getloadavg()[0]:.1f}, torch "
        f"{torch.__version__}, onnxruntime {onnxruntime.__version__}"
    )
    rows: dict[str, dict[str, Any]] = {}
    print(f"{'':18}characters/s   times {NAIVE:24}times {BY_CELL:22}nll      change    logits move, mean  most")
    for name, times in seconds.items():
        row = rows[name] = {"characters_per_second": options.batch * options.tokens / statistics.median(times)}
        for other in (NAIVE, BY_CELL):
            ratios = [a / b for a, b in zip(seconds[other], times, strict=True)]
            row[other] = {"median": statistics.median(ratios), "least": min(ratios), "greatest": max(ratios)}
        line = f"{name:18}{row['characters_per_second']:12,.0f}   " + "".join(
            f"{row[other]['median']:6.2f} ({row[other]['least']:.2f} to {row[other]['greatest']:.2f})".ljust(29)
            for other in (NAIVE, BY_CELL)
        )
        if name in scores:
            row["nll"], change = scores[name][0], scores[name][0] - scores["torch"][0]
            row["logits"] = {"mean": moved[name].mean().item(), "most": moved[name].max().item()}
            line += (
                f"{row['nll']:.4f}  {change:+.5f}    {row['logits']['mean']:.1e}            {row['logits']['most']:.1e}"
            )
        print(line)
    print(f"nll over {text.numel() - STREAMS:,} tokens of the validation text")
    exact, rounded = scores["torch"][0], scores["onnx-int8"][0]
    setting = {
        "model": options.model,
        "batch": options.batch,
        "characters": options.tokens,
        "text_tokens": len(text[0]) * len(text),
    }
    found = {
        "benchmark": "onnx",
        "title": "ONNX Runtime",
        "about": "Greedy generation by the same weights in the same loop, one character at a time.",
        "command": "python -m benchmarks.onnx"
        if options.threads == 1
        else f"OMP_NUM_THREADS={options.threads} python -m benchmarks.onnx --threads {options.threads}",
        "machine": harness.machine() | {"onnxruntime": onnxruntime.__version__},
        "limits": {},
        "setting": setting | {"nll": round(exact, 4), "nll_int8": round(rounded, 4)},
        "missing": {},
        "tables": [
            harness.table(name, "characters", options.batch * options.tokens, {side: seconds[side] for side in shown})
            | {"ours": shown[-1]}
            for name, shown in (
                ("weights of 8 bits", list(seconds)),
                ("float32", [side for side in seconds if side != "onnx-int8"]),
            )
        ],
        "sides": rows,
    }
    harness.write(found, options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
