"""Options of evaluation that adapts, which `rnnzoo test` and `rnnzoo score` share."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rnnzoo.cli.options import fraction, whole
from rnnzoo.errors import UserError

if TYPE_CHECKING:
    from rnnzoo.inference.scoring.dynamic import DynamicConfig
    from rnnzoo.inference.scoring.neural_cache import CacheConfig

__all__ = ["adaptation_table", "add_options", "asked", "configs"]

_USUAL = -1  # `--cache` without a number
_FIELDS = {
    "dynamic": {
        "dynamic_lr": "lr",
        "dynamic_decay": "decay",
        "dynamic_segment": "segment",
        "dynamic_epsilon": "epsilon",
    },
    "cache": {"cache_theta": "theta", "cache_lambda": "mix"},
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options; what is not given is set by what the model's tokens are."""
    group = parser.add_argument_group(
        "evaluation that adapts",
        "The model may learn from each token once it has been predicted. Nothing of that stays: the model is left as "
        "it is. The text is read as one stream, and the static score of that stream stands beside.",
    )
    group.add_argument(
        "--dynamic",
        nargs="?",
        const="sgd",
        choices=("sgd", "rms"),
        help="dynamic evaluation (Krause et al. 2018): gradient steps on the text itself; rms reads the training text "
        "first, and divides by what its gradients are like (sgd when neither is said)",
    )
    group.add_argument("--dynamic-lr", type=fraction("0 <= x <= 1e6"), metavar="X", help="its step size")
    group.add_argument(
        "--dynamic-decay",
        type=fraction("0 <= x <= 1"),
        metavar="X",
        help="how fast it goes back to the trained weights",
    )
    group.add_argument(
        "--dynamic-segment",
        type=whole("1 <= x <= 1e12"),
        metavar="N",
        help="tokens predicted before they are learned from",
    )
    group.add_argument(
        "--dynamic-epsilon", type=fraction("0 < x <= 1e6"), metavar="X", help="of rms: in units of its mean scale"
    )
    group.add_argument(
        "--cache",
        nargs="?",
        const=_USUAL,
        type=int,
        metavar="N",
        help="continuous cache (Grave et al. 2017) of the last N tokens: what followed a like context comes again",
    )
    group.add_argument(
        "--cache-theta", type=fraction("0 <= x <= 1e6"), metavar="X", help="how much it prefers like contexts"
    )
    group.add_argument(
        "--cache-lambda", type=fraction("0 <= x < 1"), metavar="X", help="its part in the mixture with the model"
    )


def asked(args: argparse.Namespace) -> bool:
    """Whether any of the options of `add_options` is given."""
    names = [*_FIELDS, *(name for names in _FIELDS.values() for name in names)]
    return any(getattr(args, name) is not None for name in names)


def configs(args: argparse.Namespace, kind: str) -> tuple[DynamicConfig | None, CacheConfig | None]:
    """What the options ask for.

    Args:
        args: with the options of `add_options`. kind: of the model's tokenizer, which has its own defaults.

    Raises:
        UserError: a value is out of range, or belongs to what was not asked for.
    """
    from rnnzoo.inference.scoring.adaptation import default_cache, default_dynamic

    for option, names in _FIELDS.items():
        for name in names:
            if getattr(args, option) is None and getattr(args, name) is not None:
                raise UserError(f"--{name.replace('_', '-')} goes with --{option}")
    try:
        dynamic, cache = None, None
        if args.dynamic is not None:
            dynamic = default_dynamic(kind, args.dynamic).replace(**_given(args, "dynamic"))
        if args.cache is not None:
            window = {} if args.cache == _USUAL else {"window": args.cache}
            cache = default_cache(kind).replace(**window, **_given(args, "cache"))
        return dynamic, cache
    except ValueError as error:
        raise UserError(str(error)) from None


def _given(args: argparse.Namespace, option: str) -> dict[str, Any]:
    given = {field: getattr(args, name) for name, field in _FIELDS[option].items()}
    return {field: value for field, value in given.items() if value is not None}


def adaptation_table(figures: Mapping[str, Mapping[str, Any]], columns: Mapping[str, str]) -> str:
    """A line for each way of reading, with its settings; the figures side by side.

    Args:
        figures: by name, as of `rnnzoo.zoo.adapt.adapted_figures`. columns: keys of the figures, and their headings.
    """
    lines = [" " * 15 + "".join(f"{heading:>16}" for heading in columns.values())]
    for name, row in figures.items():
        said = [_settings(part, values) for part, values in row["settings"].items()]
        cells = "".join(f"{row[key]:16.4f}" for key in columns)
        lines.append(f"{name.replace('_', ' + '):<15}{cells}  {'; '.join(said)}".rstrip())
    return "\n".join(lines)


def _settings(part: str, values: Mapping[str, Any]) -> str:
    if part == "dynamic":
        rms = f", epsilon {values['epsilon']:g}" if values["rule"] == "rms" else ""
        shown = f"lr {values['lr']:g}, decay {values['decay']:g}, segment {values['segment']}{rms}"
        return f"{values['rule']}, {shown}"
    return f"window {values['window']}, theta {values['theta']:g}, lambda {values['mix']:g}"
