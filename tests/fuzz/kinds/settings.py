"""Words of the command line: every field of a recipe, and every option that the parser knows."""

from __future__ import annotations

import argparse
import functools

import yaml

from fuzz.blobs import NAMES, NUMBERS, PLACES, odd_word
from fuzz.case import Case, kind
from fuzz.kinds.trees import get_at, leaves
from fuzz.stock import FILES, take

FORMS = {
    "lm": [
        "cell",
        "hidden_size",
        "num_layers",
        "hidden_dropout",
        "embedding_dim",
        "text",
        "corpus",
        "shards",
        "streams",
    ],
    "words": ["chunk_len", "lr", "epochs", "seed", "init_from"],
    "cls": [
        *("pooling", "bidirectional", "encoder", "files", "corpus", "text_column", "label_column", "batch_tokens"),
        *("class_weights", "data.separator", "data.columns", "data.split_seed", "data.train_texts", "init_from"),
    ],
    "mt": ["attention", "batch_tokens", "src", "tgt", "files", "tsv", "cell", "hidden_size", "num_layers"],
}
TRAINER = (
    *(
        "max_epochs",
        "max_steps",
        "min_epochs",
        "min_steps",
        "devices",
        "num_nodes",
        "precision",
        "strategy",
        "accelerator",
    ),
    *("gradient_clip_val", "gradient_clip_algorithm", "accumulate_grad_batches", "val_check_interval", "profiler"),
    *("check_val_every_n_epoch", "log_every_n_steps", "limit_train_batches", "limit_val_batches", "limit_test_batches"),
    *("overfit_batches", "fast_dev_run", "num_sanity_val_steps", "max_time", "deterministic", "benchmark", "logger"),
    *("inference_mode", "detect_anomaly", "barebones", "plugins", "sync_batchnorm", "callbacks", "default_root_dir"),
    *("reload_dataloaders_every_n_epochs", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"),
)
VARIANTS = {
    "schedule": ["constant", "cosine", "one_cycle", "plateau", "slanted", "wsd", "zaremba"],
    "optimizer": ["adamw", "muon", "sgd", "nt_asgd", "nt_asgd"],
}


@kind("settings", 20)
def settings(case: Case) -> None:
    """A field of a recipe, set to what it cannot be."""
    draw, name = case.draw, case.draw.choice(["lm", "lm", "words", "mt", "cls"])
    files = FILES[name]
    take(case.stock, case.folder, f"{name}.yaml", *files)
    tree = yaml.safe_load((case.stock / "runs" / name / "1" / "recipe.yaml").read_text())
    fields = [".".join(map(str, path)) for path in leaves(tree) if all(isinstance(part, str) for part in path)]
    found = {".".join(map(str, path)): get_at(tree, path) for path in leaves(tree, branches=False)}
    fields += FORMS[name] + [f"trainer.{field}" for field in TRAINER]
    case.words = ["train", f"{name}.yaml"]
    for _ in range(draw.choice([1, 1, 1, 2])):
        if draw.random() < 0.15:
            section = draw.choice(list(VARIANTS))
            which = draw.choice(VARIANTS[section])
            options = _fields_of(section, which)
            case.words += [f"--{section}", which]
            if options:
                case.words += [f"--{section}.{draw.choice(options)}={odd_word(draw)}"]
        else:
            field = draw.choice(fields)
            case.words += [f"--{field}={_fitting(case, found.get(field)) if draw.random() < 0.65 else odd_word(draw)}"]
    if draw.random() < 0.05:
        case.words += draw.choice(
            [["--fields"], ["--resume"], ["--restart"], ["--runs", "x"], ["extra"], ["--"], ["--="]]
        )


def _fitting(case: Case, usual: object) -> object:
    """A value of the type that the field has, which is let through further than others."""
    draw = case.draw
    numbers = [n for n in NUMBERS if isinstance(n, int)] if isinstance(usual, int) else NUMBERS
    if isinstance(usual, bool):
        return draw.choice(["true", "false"])
    if isinstance(usual, str):
        return draw.choice(["", "x", "char", "lstm", "zero", "copy", "general", "raw", "x" * 3000, "none"])
    return draw.choice(numbers)


@functools.cache
def _fields_of(section: str, name: str) -> list[str]:
    import dataclasses

    from rnnzoo.training import OptimizerConfig, ScheduleConfig

    family = {"schedule": ScheduleConfig, "optimizer": OptimizerConfig}[section]
    names = family.names()
    found = family.find(name if name in names else names[0])
    return [field.name for field in dataclasses.fields(found)]


COMMANDS: dict[str, tuple[list[str], tuple[str, ...]]] = {
    "generate": (["./lm", "--prompt", "ab", "--max-new-tokens", "3"], ("runs/lm/1",)),
    "translate": (["./mt", "ba", "--beam", "2"], ("runs/mt/1",)),
    "score": (["./lm", "text.txt"], ("runs/lm/1", "text.txt")),
    "test": (["./lm", "--text", "text.txt"], ("runs/lm/1", "text.txt")),
    "show": (["./lm"], ("runs/lm/1",)),
    "list": ([], ()),
    "verify": (["./entry", "--text", "poem.txt"], ("entry", "poem.txt")),
    "entry": (["./lm", "lm", "--root", "out", "--text", "text.txt"], ("runs/lm/1", "text.txt")),
    "compare": (
        ["--recipe", "lm.yaml", "--cells", "lstm", "--tokens", "500", "--parameters", "700"],
        ("lm.yaml", "text.txt"),
    ),
    "sweep": (["lm.yaml", "--lr", "1e-3,1e-2"], ("lm.yaml", "text.txt")),
    "data build": (["out", "--text", "text.txt", "--shard-characters", "200"], ("text.txt",)),
    "data ls": ([], ()),
    "recipes ls": ([], ()),
    "recipes show": (["char-lstm.own-text"], ()),
    "recipes cp": (["char-lstm.own-text", "copy.yaml"], ()),
    "train": (["lm.yaml"], ("lm.yaml", "text.txt")),
}
"""Commands that reach no network, with what they take at least."""


@functools.cache
def options_of(command: str) -> dict[str, argparse.Action]:
    """The options that the parser knows."""
    import importlib

    parser = argparse.ArgumentParser()
    subparsers = parser.add_subparsers()
    first, _, second = command.partition(" ")
    importlib.import_module(f"rnnzoo.cli.{first}").register(subparsers)
    found = subparsers.choices[first]
    if second:
        actions = next(a for a in found._actions if isinstance(a, argparse._SubParsersAction))
        found = actions.choices[second]
    return {
        a.option_strings[-1]: a for a in found._actions if a.option_strings and a.dest not in ("help", "imports", "all")
    }


@kind("options", 16)
def options(case: Case) -> None:
    """An option of a command, set to what it cannot be; or the words before it."""
    draw, command = case.draw, case.draw.choice(list(COMMANDS))
    given, files = COMMANDS[command]
    for name in files:
        take(case.stock, case.folder, name)
    words, known = list(given), options_of(command)
    case.failing = command in ("verify", "sweep", "compare")
    for _ in range(draw.choice([1, 1, 2])):
        if draw.random() < 0.25 and words:
            at = draw.randrange(len(words))
            words[at] = _word(case)
        elif known:
            option = draw.choice(list(known))
            words += [option] if known[option].nargs == 0 else [f"{option}={_word(case)}"]
    if draw.random() < 0.03:
        words += draw.choice([["--nonsense"], ["extra", "words"], ["--", "-x"], [""], ["--="], ["-"]])
    case.words = [*command.split(), *words]


def _word(case: Case) -> str:
    draw = case.draw
    if draw.random() < 0.75:
        return odd_word(draw)
    return draw.choice([*NAMES, *PLACES, "text.txt", "lm", "1", "x.json", "cuda", "cpu", "meta", "mps", "en"]).replace(
        "\0", ""
    )
