"""``python -m rnnzoo`` is the ``rnnzoo`` command."""

from __future__ import annotations

import sys

from rnnzoo.cli import main

if __name__ == "__main__":
    sys.exit(main())
