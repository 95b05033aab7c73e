"""Beam search over an encoder-decoder: all sentences and hypotheses in one step of a plan, against a loop over both.

    python -m benchmarks.translate
    python -m benchmarks.translate --batch 32 --rounds 5 --json out.json
    python -m benchmarks.translate --hidden 16 --vocab 50 --rounds 1      # whether it runs

Both sides search with the same model, weights, memory and rules, in turn, and must find the same hypotheses; the
encoder's work is not counted. The loop calls the model's own step for one hypothesis after the other, as it is written
first; rnnzoo's side is what `translate` does, with prepared weights (`--backend plain` for the model's own step). The
model is random, its logits sharpened to a trained model's entropy, and nothing ends before the last step, so that each
side makes all steps of all hypotheses. A ratio is that of one round; the median stands with the least and the greatest.
With one thread the time is the CPU's, so that a machine with other work gives nearly the ratios of an idle one. The
limit is reading the decoder's weights from the cache once a step, or multiplying by them where that takes longer.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from benchmarks import harness
from rnnzoo import state as states
from rnnzoo.backbones import StackConfig
from rnnzoo.decoding import Hypothesis, SearchConfig, Step, beam_search
from rnnzoo.decoding.plan import TranslatorPlan
from rnnzoo.inference.plans import prepare
from rnnzoo.models import Seq2Seq, Seq2SeqConfig
from rnnzoo.nn.attention import DotConfig
from rnnzoo.text import CharTokenizer

Found = list[list[Hypothesis]]


class Task(NamedTuple):
    """What both sides are given."""

    step: Step
    start: torch.Tensor
    state: Any
    memory: Any
    eos: int | None
    config: SearchConfig
    limit: int


def batched(task: Task) -> Found:
    """rnnzoo's search."""
    step, start, state, memory, eos, config, limit = task
    return beam_search(step, start, state, memory, eos=eos, config=config, max_lens=limit)


class Partial(NamedTuple):
    """A hypothesis of the loop, which has not ended."""

    log_prob: float
    tokens: tuple[int, ...]
    state: Any  # before the last token


@torch.no_grad()
def looped(task: Task) -> Found:
    """The search as it is written first: one sentence after the other, one hypothesis after the other."""
    config, found = task.config, []
    for number in range(len(task.start)):
        row = torch.tensor([number])
        state, memory = states.gather((task.state, task.memory), row)
        running, ended = [Partial(0.0, (), state)], list[Hypothesis]()
        for length in range(1, task.limit + 1):
            grown = list[Partial]()
            for each in running:
                token = torch.tensor(each.tokens[-1:]) if each.tokens else task.start[row]
                logits, state = task.step(token, each.state, memory)
                values, ids = logits[0].log_softmax(0).topk(config.beam)
                pairs = zip(values.tolist(), ids.tolist(), strict=True)
                grown += [Partial(each.log_prob + value, (*each.tokens, token), state) for value, token in pairs]
            grown.sort(key=lambda each: -each.log_prob)
            grown, running = grown[: config.beam - len(ended)], []
            for each in grown:
                if each.tokens[-1] == task.eos or length == task.limit:
                    finished = each.tokens[-1] == task.eos
                    tokens = each.tokens[:-1] if finished else each.tokens
                    score = each.log_prob / config.penalty(float(length))
                    ended.append(Hypothesis(tokens, score, each.log_prob, finished))
                else:
                    running.append(each)
            ended.sort(key=lambda h: (not h.finished, -h.score))
            ceiling = max((each.log_prob for each in running), default=0.0) / config.penalty(float(task.limit))
            enough = len(ended) >= config.nbest and ended[config.nbest - 1].score >= ceiling
            if not running or enough:
                break
        found.append(ended[: config.nbest])
    return found


def check_same(ours: Found, theirs: Found) -> None:
    """Asserts that both sides found the same hypotheses."""
    for mine, other in zip(ours, theirs, strict=True):
        assert [h.tokens for h in mine] == [h.tokens for h in other], f"not the same hypotheses: {mine}, {other}"
        assert all(abs(a.score - b.score) < 1e-4 for a, b in zip(mine, other, strict=True))


def build(options: argparse.Namespace) -> Seq2Seq:
    """An encoder-decoder over as many characters as the vocabulary is large, the boundary counted."""
    torch.manual_seed(0)
    stack = StackConfig(hidden_size=options.hidden, num_layers=options.layers)
    config = Seq2SeqConfig(
        embedding_dim=options.hidden, encoder=stack, bidirectional=False, decoder=stack, attention=DotConfig()
    )
    model = config.build(CharTokenizer([chr(0x4E00 + i) for i in range(options.vocab - 1)])).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2)
        model.head.weight.mul_(options.sharpen)
    return model


@torch.no_grad()
def task_of(model: Seq2Seq, plan: TranslatorPlan, batch: int, options: argparse.Namespace, seed: int) -> Task:
    """Random sentences, read."""
    generator = torch.Generator().manual_seed(seed)
    src = torch.randint(model.src_boundary, (batch, options.source), generator=generator)
    src[:, -1] = model.src_boundary
    state, memory = model.encode(src, torch.full((batch,), options.source))
    start = torch.full((batch,), model.boundary)
    return Task(plan.step, start, state, memory, None, SearchConfig(options.beam, options.nbest), options.steps)


def measure(model: Seq2Seq, batch: int, options: argparse.Namespace) -> dict[str, Any]:
    """Both sides in turn, on new sentences in each round; the first round is not counted."""
    clock = harness.CLOCKS[options.clock]
    sides: dict[str, Callable[[Task], Found]] = {"batched": batched, "looped": looped}
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    plan = prepare(model, options.backend)
    for number in range(options.rounds + 1):
        task, found = task_of(model, plan, batch, options, number), {}
        tasks = {"batched": task, "looped": task._replace(step=model.step)}
        for name in sides if number % 2 else reversed(sides):
            begun = clock()
            found[name] = sides[name](tasks[name])
            if number:
                seconds[name].append(clock() - begun)
        check_same(found["batched"], found["looped"])
    ratios = [loop / ours for ours, loop in zip(seconds["batched"], seconds["looped"], strict=True)]
    return {
        "batch": batch,
        "sentences_per_second": {name: batch / statistics.median(times) for name, times in seconds.items()},
        "ratio": {"median": statistics.median(ratios), "least": min(ratios), "greatest": max(ratios)},
        "seconds": seconds,
    }


def limit_of(model: Seq2Seq, batch: int, options: argparse.Namespace, reached: dict[str, float]) -> float:
    """The seconds of a search whose steps do nothing but multiply by the matrices that are left in a plan."""
    first = model.decoder.cells[0]
    parts = [*model.decoder.parameters(), *model.readout.parameters(), *model.head.parameters()]
    entries = sum(weight.numel() for weight in parts if weight.dim() == 2) - first.input_size * 4 * first.output_size
    return options.steps * harness.least_seconds(entries, batch * options.beam, reached)


def main(arguments: list[str] | None = None) -> int:
    """Measures and prints; returns the exit code."""
    parser = harness.parser_of("translate", __doc__, rounds=5, threads=1)
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 32], help="sentences at once (1 32)")
    for name, value, what in (
        ("beam", 5, "hypotheses"),
        ("nbest", 5, "hypotheses that must be equal"),
        ("hidden", 512, "features of a layer and of a vector"),
        ("layers", 2, "of the encoder and of the decoder"),
        ("vocab", 8000, "symbols"),
        ("source", 13, "symbols of a source"),
        ("steps", 15, "symbols of a translation"),
    ):
        parser.add_argument(f"--{name}", type=int, default=value, help=f"{what} ({value})")
    parser.add_argument("--backend", default="auto", help="of rnnzoo's side (auto)")
    parser.add_argument("--sharpen", type=float, default=8.0, help="what the output layer is multiplied by (8)")
    options = parser.parse_args(arguments)
    if options.threads > 1:
        options.clock = "wall"  # the processor's counts the threads together
    torch.set_num_threads(options.threads)
    model, reached = build(options), harness.limits(options.clock)
    print(
        f"beam {options.beam}, {options.layers}x{options.hidden} LSTM, dot attention, V {options.vocab}, "
        f"S {options.source}, {options.steps} steps, {options.threads} threads, torch {torch.__version__}"
    )
    rows = []
    for batch in options.batch:
        rows.append(row := measure(model, batch, options))
        speed, ratio = row["sentences_per_second"], row["ratio"]
        print(
            f"batch {batch:3}: batched {speed['batched']:7.2f}, loop {speed['looped']:6.2f} sentences/s: "
            f"{ratio['median']:5.1f} times as fast ({ratio['least']:.1f} to {ratio['greatest']:.1f}), equal hypotheses",
            flush=True,
        )
    names = ("beam", "nbest", "hidden", "layers", "vocab", "source", "steps", "clock")
    found = {
        "benchmark": "translate",
        "title": "Translation",
        "about": "Beam search over a random encoder-decoder; both sides find the same hypotheses. The limit is reading "
        "the decoder's weights from the cache once a step, or multiplying by them where that takes longer.",
        "command": "python -m benchmarks.translate" + (f" --threads {options.threads}" if options.threads > 1 else ""),
        "machine": harness.machine(),
        "limits": reached,
        "setting": {name: getattr(options, name) for name in names},
        "missing": {},
        "tables": [
            harness.table(
                f"{row['batch']} sentence{'s' if row['batch'] > 1 else ''} at once"
                + (f", {options.threads} threads" if options.threads > 1 else ""),
                "sentences",
                row["batch"],
                {harness.OURS: row["seconds"]["batched"], "a loop over hypotheses": row["seconds"]["looped"]},
                limit_of(model, row["batch"], options, reached),
            )
            for row in rows
        ],
    }
    harness.write(found, options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
