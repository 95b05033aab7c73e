"""``rnnzoo push``: a model onto the hub."""

from __future__ import annotations

import argparse

from rnnzoo.cli.download import add_hub_options

__all__ = ["register", "run"]


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "push",
        help="publish a model on the hub",
        description="Measures a model's score again, then publishes it with its card, as one commit.",
    )
    parser.add_argument("model", metavar="MODEL", nargs="?", help="a name of the zoo, or the folder of an entry or run")
    parser.add_argument("repo", metavar="ORG/NAME", nargs="?", help="the repository; made where it is missing")
    parser.add_argument(
        "--all",
        metavar="ORG",
        help="publish every entry as ORG/NAME, and a collection of them; what is there already is passed over, so that "
        "it may be run again",
    )
    parser.add_argument("--private", action="store_true", help="make a new repository private")
    parser.add_argument("--tag", metavar="NAME", help="a new tag for the commit")
    parser.add_argument("--text", nargs="+", metavar="FILE", help="where the text files now are, for own text")
    parser.add_argument(
        "--unverified", action="store_true", help="publish even if the score cannot be measured on this machine"
    )
    add_hub_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints commits and the manifest's lines; returns the exit code."""
    from rnnzoo.errors import UserError
    from rnnzoo.zoo.push import push_to_hub

    if args.all is not None:
        if args.model is not None or args.tag or args.text or args.revision:
            raise UserError("--all ORG publishes all entries as they are: name no model, --tag, --text or --revision")
        return _push_all(args)
    if args.model is None or args.repo is None:
        raise UserError("say what to publish and where: `rnnzoo push MODEL ORG/NAME`, or `rnnzoo push --all ORG`")
    done = push_to_hub(
        args.model,
        args.repo,
        private=args.private,
        revision=args.revision,
        tag=args.tag,
        unverified=args.unverified,
        files=args.text,
    )
    print(f"{done.repo}, commit {done.commit}")
    print(f"for rnnzoo/zoo/manifest.json: {done.manifest_line}")
    return 0


def _push_all(args: argparse.Namespace) -> int:
    from rnnzoo.zoo.manifest import manifest_path, note_published
    from rnnzoo.zoo.paths import in_checkout
    from rnnzoo.zoo.publish import push_all
    from rnnzoo.zoo.push import Published

    def report(said: str, one: Published) -> None:
        print(f"{one.repo}: {said}, commit {one.commit}", flush=True)
        if in_checkout():
            note_published(one.name, repo=one.repo, commit=one.commit)

    done, address = push_all(args.all, private=args.private, unverified=args.unverified, report=report)
    print(f"{address}: {len(done)} models")
    if in_checkout():
        print(f"noted in {manifest_path()}")
    else:
        for one in done:
            print(f"for rnnzoo/zoo/manifest.json: {one.manifest_line}")
    return 0
