"""python translate.py MODEL: a translation of each line of standard input, without PyTorch.

MODEL is a folder or ZIP file that `rnnzoo export` made of a translator. Needs rnnzoo-runtime, or rnnzoo.
"""

import sys

try:
    from rnnzoo_runtime import Translator
except ModuleNotFoundError:  # the full package has it, too
    from rnnzoo.runtime import Translator


def main(path: str) -> None:
    """Translates until standard input ends."""
    model = Translator.open(path)
    for line in sys.stdin:
        print(model.translate(line.rstrip("\n"), unknown="drop")[0], flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
