"""``rnnzoo translate``: sentences in, translations out."""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnzoo.cli.backend import add_backend, backend_of
from rnnzoo.cli.lines import Lines, batches_of_lines
from rnnzoo.cli.options import fraction, seed, whole
from rnnzoo.cli.plugins import add_import
from rnnzoo.cli.sampling_options import add_sampling, given_sampling
from rnnzoo.cli.text_io import add_form, check_output, choose_device, form_of, known_text, notice, write
from rnnzoo.errors import UserError

if TYPE_CHECKING:
    from rnnzoo.inference.translation.translate import Translation
    from rnnzoo.models import Seq2Seq

__all__ = ["register", "run"]


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "translate",
        help="translations by a translator",
        description="Translates each TEXT, or each line of FILE or of standard input: one line in, one line out, and "
        "an empty one for an empty one. In a terminal, without either, it asks for sentences.",
    )
    parser.add_argument("model", metavar="MODEL", help="a name of the zoo, a folder, or ORG/REPO")
    parser.add_argument(
        "text", metavar="TEXT", nargs="*", help="a sentence each; a TEXT of several lines is as many sentences"
    )
    parser.add_argument("--input", metavar="FILE", help="a text, a sentence a line, or - for standard input")
    parser.add_argument("--output", metavar="FILE", help="write there, completely or not at all")
    parser.add_argument("--src", metavar="LANG", help="make sure that the model translates from this language")
    parser.add_argument("--tgt", metavar="LANG", help="make sure that it translates into this one")
    parser.add_argument(
        "--beam", type=whole("1 <= x <= 10000"), metavar="K", help="K hypotheses are followed; 1 is greedy (5)"
    )
    parser.add_argument(
        "--nbest",
        type=whole("1 <= x <= 10000"),
        default=1,
        metavar="N",
        help="the N best of each, after the line's number and a tab (1)",
    )
    parser.add_argument(
        "--length-penalty",
        choices=("none", "average", "wu"),
        default="average",
        help="what long translations are compared with short ones by (average: per token)",
    )
    parser.add_argument("--alpha", type=fraction("0 <= x <= 1e6"), default=1.0, metavar="A", help="its strength (1)")
    parser.add_argument(
        "--no-repeat-ngram",
        type=whole("0 <= x <= 1e9"),
        default=0,
        metavar="N",
        help="no sequence of N tokens twice in a translation",
    )
    parser.add_argument("--min-len", type=whole("0 <= x <= 10000"), default=0, metavar="N", help="at least N tokens")
    parser.add_argument(
        "--max-len", type=whole("0 <= x <= 10000"), default=0, metavar="N", help="at most N, the end counted"
    )
    parser.add_argument("--prefix", default="", metavar="TEXT", help="what each translation begins with")
    parser.add_argument("--sample", action="store_true", help="draw translations instead of searching for the best")
    add_sampling(parser, "of --sample: ")
    parser.add_argument("--seed", type=seed, metavar="S", help="of --sample: the same seed draws the same")
    parser.add_argument("--scores", action="store_true", help="the score and a tab before each translation")
    parser.add_argument("--json", action="store_true", help="a line of JSON for each sentence")
    parser.add_argument(
        "--attention", metavar="OUT", help="of a single sentence: draw where the model looked (.png or .svg)"
    )
    parser.add_argument(
        "--unknown",
        choices=["error", "drop"],
        default="error",
        help="characters that the model does not know: an error, or left out",
    )
    parser.add_argument(
        "--batch-size", type=whole("1 <= x <= 1e6"), default=64, metavar="N", help="at most N sentences at once (64)"
    )
    parser.add_argument("--device", default="cpu", metavar="NAME", help="cpu, cuda, ... (cpu)")
    add_form(parser)
    add_backend(parser)
    add_import(parser)
    parser.set_defaults(run=run, takes_settings=True)


def run(args: argparse.Namespace) -> int:
    """Prints the translations; returns the exit code."""
    options = _options(args) | {"backend": backend_of(args)}  # checked before a model is looked for
    form = form_of(args)
    model = _model(args)
    work = _Work(model, args, options)
    batches = batches_of_lines(args, form, args.batch_size, whole=args.attention is not None)
    if args.output is None:
        for lines in batches:
            write(work.translated(lines))
        return 0

    from rnnzoo.files import write_durably

    try:
        write_durably(
            Path(args.output), lambda file: file.writelines(work.translated(lines).encode() for lines in batches)
        )
    except OSError as error:
        raise UserError(f"cannot be written ({error.strerror})", path=args.output) from None
    return 0


def _options(args: argparse.Namespace) -> dict[str, Any]:
    # argparse ends TEXT at the first option behind MODEL; sentences behind that one come as what is left
    if strange := [word for word in args.settings if word.startswith("-") and " " not in word]:
        raise UserError(f"unrecognized arguments: {' '.join(strange)}")
    args.text = [*args.text, *args.settings]
    if args.text and args.input is not None:
        raise UserError("give TEXT or --input FILE, not both")
    if args.json and args.scores:
        raise UserError("--json has the scores already: leave out --scores")
    if args.attention is not None:
        from rnnzoo.inference.translation.attention_picture import picture_format

        picture_format(args.attention)
    for path in (args.attention, args.output):  # before a model is loaded
        if path is not None:
            check_output(path)

    from rnnzoo.decoding import SamplingConfig, SearchConfig

    given = given_sampling(args)
    if not args.sample and (given or args.seed is not None):
        name = next(iter(given), "seed")
        raise UserError(f"--{name.replace('_', '-')} goes with --sample")
    if args.sample and args.beam is not None:
        raise UserError("--sample draws, --beam searches: one or the other")
    search = SearchConfig(
        max(args.nbest, 5) if args.beam is None else args.beam,
        args.nbest,
        args.length_penalty,
        args.alpha,
        args.no_repeat_ngram,
        args.min_len,
        args.max_len,
    )
    if args.batch_size < 1:
        raise UserError(f"--batch-size must be 1 or more, not {args.batch_size}")
    sampling = SamplingConfig(**given) if args.sample else None
    return {
        "search": search,
        "sampling": sampling,
        "seed": args.seed,
        "batch_size": args.batch_size,
    }


def _model(args: argparse.Namespace) -> Seq2Seq:
    from rnnzoo.models import Seq2Seq
    from rnnzoo.tasks.translator.card import languages_of
    from rnnzoo.zoo import find_model, load_folder, read_config
    from rnnzoo.zoo.kinds import require
    from rnnzoo.zoo.records import read_metrics

    folder = find_model(args.model)
    model = require(load_folder(folder), Seq2Seq, args.model)
    known = languages_of(read_metrics(folder), read_config(folder))
    for wanted, has, way in zip((args.src, args.tgt), known, ("from", "into"), strict=True):
        if wanted is not None and wanted != has:
            raise UserError(f"{args.model} translates from {known[0]} into {known[1]}, not {way} {wanted}")
    if args.attention is not None and model.config.attention is None:
        raise UserError(f"{args.model} has no attention that could be drawn: it translates from one vector a sentence")
    choose_device(model, args.device)
    return model


class _Work:
    """Translates lines, and says what is to be said of them."""

    def __init__(self, model: Seq2Seq, args: argparse.Namespace, options: dict[str, Any]) -> None:
        from rnnzoo.inference.translation.translate import longest_known

        self.model, self.args, self.options = model, args, options
        self.seed = options.pop("seed")
        if args.sample and self.seed is None:
            from rnnzoo.decoding import fresh_seed

            self.seed = fresh_seed(bits=31)
        self._longest = longest_known(model)  # 0 once it was said that a sentence is longer
        try:
            options["prefix"] = known_text(model.tgt_tokenizer, args.prefix, args.unknown)
        except UserError as error:
            raise UserError(f"--prefix: {error}") from None

    def translated(self, lines: Lines) -> str:
        """What is printed for these lines."""
        from rnnzoo.inference.translation.translate import LongSentenceWarning, translations
        from rnnzoo.text.lost_numbers import lost_numbers

        texts = [self._checked(number, text) for number, text in lines]
        args = self.args
        if args.attention is not None and (len(texts) != 1 or not texts[0].strip()):
            raise UserError("--attention draws a single sentence, and not an empty one")
        seed = None if self.seed is None else self.seed + (lines[0][0] - 1) * args.nbest
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LongSentenceWarning)  # it does not know the lines
            found = translations(self.model, texts, unknown=args.unknown, seed=seed, **self.options)
        if args.attention is not None:
            self._draw(texts[0], found[0][0])
        for (number, _), source, translated in zip(lines, texts, found, strict=True):
            if lost := lost_numbers(source, translated[0].text):
                notice(f"line {number}: the translation is without {', '.join(lost)}, which the source has")
        return "".join(self._shown(*each) for each in zip((n for n, _ in lines), texts, found, strict=True))

    def _checked(self, number: int, text: str) -> str:
        try:
            text = known_text(self.model.src_tokenizer, text, self.args.unknown)
        except UserError as error:
            raise UserError(str(error), position=f"line {number}") from None
        if self._longest and (count := len(self.model.src_tokenizer.encode(text))) > self._longest:
            notice(
                f"line {number} is longer than any sentence that the model was trained on ({count} tokens, "
                f"{self._longest} in training): expect its translation to be worse, and that of others like it"
            )
            self._longest = 0
        return text

    def _draw(self, text: str, translation: Translation) -> None:
        from rnnzoo.inference.translation.attention_picture import attended, draw_attention

        draw_attention(*attended(self.model, text, translation.tokens), self.args.attention)

    def _shown(self, number: int, source: str, found: Sequence[Translation]) -> str:
        if self.args.json:
            plain = [each._asdict() | {"tokens": len(each.tokens)} for each in found]
            return json.dumps({"line": number, "source": source, "translations": plain}, ensure_ascii=False) + "\n"
        rows = []
        for each in found:
            cells = [str(number)] if self.args.nbest > 1 else []
            cells += [f"{each.score:.4f}"] if self.args.scores else []
            # whatever the model says, it is one line
            rows.append("\t".join([*cells, " ".join(each.text.replace("\t", " ").splitlines())]) + "\n")
        return "".join(rows)
