"""``python -m rnnzoo_runtime FOLDER``."""

from __future__ import annotations

import sys

from .runtime.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
