"""Every module of the package imports where the system is no POSIX one; it locks nothing and counts no memory there."""

from __future__ import annotations

import subprocess
import sys

WITHOUT = """
import sys
sys.modules["fcntl"] = sys.modules["resource"] = None
import importlib, io, pkgutil, rnnzoo
for module in pkgutil.walk_packages(rnnzoo.__path__, "rnnzoo."):
    if module.name != "rnnzoo.__main__":
        importlib.import_module(module.name)
from rnnzoo.system import lock, peak_memory
assert lock(io.StringIO(), wait=False)
assert peak_memory() == 0
"""


def test_the_package_imports_without_posix() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr[-2000:]) == (0, "")
