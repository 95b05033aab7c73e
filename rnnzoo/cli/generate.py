"""``rnnzoo generate``: text from any language model."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from rnnzoo.cli.backend import add_backend, backend_of
from rnnzoo.cli.options import seed, whole
from rnnzoo.cli.plugins import add_import
from rnnzoo.cli.sampling_options import add_sampling, given_sampling
from rnnzoo.cli.text_io import add_form, choose_device, form_of, known_text, read_text, unescaped, write
from rnnzoo.errors import UserError

if TYPE_CHECKING:
    from rnnzoo.models import LanguageModel
    from rnnzoo.runtime import LanguageModel as Light

__all__ = ["register", "run"]


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "generate",
        help="text from a language model",
        description="Prints the prompt and a text that continues it, as it comes.",
    )
    parser.add_argument("model", metavar="MODEL", help="a name of the zoo, a folder, or ORG/REPO")
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--prompt",
        default="",
        metavar="TEXT",
        help="what is read first; \\n and \\t are understood; nothing: a new line",
    )
    source.add_argument("--prompt-file", metavar="FILE", help="the prompt in a file, as it is, or - for standard input")
    parser.add_argument("--no-echo", action="store_true", help="print the new text only, without the prompt")
    parser.add_argument(
        "--max-new-tokens", type=whole("0 <= x <= 1e9"), default=500, metavar="N", help="at most N tokens (500)"
    )
    add_sampling(parser, temperature=0.8)
    parser.add_argument("--greedy", action="store_true", help="always the most probable token; same as --temperature 0")
    parser.add_argument("--seed", type=seed, metavar="S", help="the same seed gives the same text")
    parser.add_argument(
        "--beam",
        type=whole("1 <= x <= 10000"),
        metavar="K",
        help="nothing is drawn: the most probable text that K hypotheses find",
    )
    parser.add_argument(
        "--num",
        type=whole("1 <= x <= 1e6"),
        default=1,
        metavar="N",
        help="N texts, text i with seed S + i, or the N best (1)",
    )
    parser.add_argument(
        "--stop", action="append", metavar="TEXT", help="end before TEXT; \\n and \\t are understood; may be repeated"
    )
    parser.add_argument(
        "--unknown",
        choices=["error", "drop"],
        default="error",
        help="characters of the prompt that the model does not know: an error, or left out",
    )
    parser.add_argument(
        "--next",
        type=int,
        metavar="N",
        help="instead of a text, the N likeliest next tokens and their probabilities (without temperature or filters)",
    )
    parser.add_argument("--device", default="cpu", metavar="NAME", help="cpu, cuda, ... (cpu)")
    add_form(parser)
    add_backend(parser)
    add_import(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints the text or texts; returns the exit code."""
    options = _options(args)  # checked before a model is looked for
    prompt = unescaped(args.prompt) if args.prompt_file is None else read_text(args.prompt_file, form_of(args))

    model = _light(args) or _whole(args, options)
    prompt = known_text(model.tokenizer, prompt, args.unknown)
    if args.next is not None:
        from rnnzoo.text.reading import escaped

        write("".join(f"{p:.6f}\t{escaped(token)}\n" for token, p in model.next_tokens(prompt, args.next)))
        return 0
    shown = "" if args.no_echo else prompt
    try:
        if args.beam is not None:
            _best(model, prompt, shown, args.num, options)
        elif args.num == 1:
            _one(model, prompt, shown, options)
        else:
            _several(model, prompt, shown, args.num, options)
    except KeyboardInterrupt:
        write("\n")  # ends the line that was being written
        raise
    return 0


def _light(args: argparse.Namespace) -> Light | None:
    """The model without PyTorch: where its graphs are at hand, are asked for, or pay within this run."""
    if args.device != "cpu" or args.imports or args.backend not in ("auto", "onnx"):
        return None
    from rnnzoo.cli.cached_graph import WORTH_MAKING, cached_graph, made_graph

    long = args.next is None and args.max_new_tokens * args.num >= WORTH_MAKING and _can_make()
    if args.backend == "onnx" or (args.backend == "auto" and long):
        return made_graph(args.model)
    return cached_graph(args.model) if find_spec("onnxruntime") else None


def _whole(args: argparse.Namespace, options: dict[str, Any]) -> LanguageModel:
    """The model in PyTorch, on the backend that is asked for."""
    from rnnzoo.models import LanguageModel
    from rnnzoo.zoo import load

    options["backend"] = backend_of(args)
    model = load(args.model, kind=LanguageModel)
    choose_device(model, args.device)
    return model


def _can_make() -> bool:
    return all(find_spec(name) for name in ("onnx", "onnxscript", "onnxruntime"))


def _options(args: argparse.Namespace) -> dict[str, Any]:
    from rnnzoo.runtime.hypothesis import SearchConfig
    from rnnzoo.runtime.sampling import SamplingConfig
    from rnnzoo.runtime.stop import stop_strings

    fields = given_sampling(args)
    sampling = SamplingConfig(**{"temperature": 0.8} | fields | ({"temperature": 0.0} if args.greedy else {}))
    stop = stop_strings([unescaped(text) for text in args.stop or ()])
    for name in ("max_new_tokens", "num"):
        least = int(name == "num")
        if getattr(args, name) < least:
            raise UserError(f"--{name.replace('_', '-')} must be {least} or more, not {getattr(args, name)}")
    if args.beam is not None:
        others = {"greedy": args.greedy or None, "seed": args.seed, "next": args.next}
        if given := [*fields, *(name for name, value in others.items() if value is not None)]:
            raise UserError(f"--beam draws nothing: leave out --{', --'.join(given).replace('_', '-')}")
        SearchConfig(args.beam, args.num)
        return {"max_new_tokens": args.max_new_tokens, "beam": args.beam, "stop": stop}
    return {
        "max_new_tokens": args.max_new_tokens,
        "sampling": sampling,
        "seed": args.seed,
        "stop": stop,
    }


def _one(model: LanguageModel | Light, prompt: str, shown: str, options: dict[str, Any]) -> None:
    pieces = model.stream(prompt, **options)  # reads the prompt: nothing is printed if it cannot
    write(shown)
    last = shown
    for piece in pieces:
        write(piece)
        last = piece
    if not last.endswith("\n"):
        write("\n")


def _several(model: LanguageModel | Light, prompt: str, shown: str, num: int, options: dict[str, Any]) -> None:
    from rnnzoo.seeds import fresh_seed

    seed = options["seed"]
    if seed is None:  # shown, so that one of the texts can be had again
        seed = fresh_seed(bits=31)
    for row, text in enumerate(model.generate(prompt, **options | {"num": num, "seed": seed})):
        whole = shown + text
        write(f"--- seed {seed + row}\n{whole}{'' if whole.endswith(chr(10)) else chr(10)}")


def _best(model: LanguageModel | Light, prompt: str, shown: str, num: int, options: dict[str, Any]) -> None:
    for rank, text in enumerate(model.generate(prompt, **options | {"num": num}), start=1):
        whole = shown + text
        write(f"{'' if num == 1 else f'--- best {rank}{chr(10)}'}{whole}{'' if whole.endswith(chr(10)) else chr(10)}")
