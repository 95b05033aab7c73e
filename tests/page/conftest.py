"""The models with every cell in them are those of `tests/export`."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "export"))
