"""What all tests stand on: a private cache, the corpora where there are any, seeds, one thread, no network."""

from __future__ import annotations

import os
import random
import shutil
import socket
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Set before anything of the package is imported, and inherited by the commands that tests run.
_corpora = ROOT.parent / "shared" / "data"
if "RNNZOO_DATA" not in os.environ and _corpora.is_dir():
    os.environ["RNNZOO_DATA"] = str(_corpora)
_cache = tempfile.mkdtemp(prefix="rnnzoo-tests-")  # one for each process of pytest-xdist
os.environ["RNNZOO_CACHE"] = _cache
os.environ["HF_HOME"] = str(Path(_cache) / "huggingface")
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HUB_DISABLE_XET"] = "1"  # tests/hub_server speaks plain HTTP
os.environ["MPLBACKEND"] = "agg"
for _name in ("HF_TOKEN", "HF_HUB_OFFLINE", "COLUMNS", "FORCE_COLOR", "NO_COLOR"):
    os.environ.pop(_name, None)

# What these folders try needs fork, flock, limits and signals of POSIX (docs/compatibility.md).
collect_ignore = (
    ["attacks", "fuzz", "hub_server", "long_runs", "cli/test_cli_settings.py", "studies/test_sweep.py"]
    if os.name != "posix"
    else []
)

import shape_checks  # noqa: E402

# Wherever a test calls into the package, tensors have the shapes that signatures state.
_hook = shape_checks.install()

import hypothesis.core  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402

from rnnzoo import seeds  # noqa: E402


def run_seed(config: pytest.Config) -> int:
    """The seed of this run of the tests, which pytest-randomly draws and prints."""
    return int(config.getoption("randomly_seed", 0) or 0)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    torch.set_num_threads(1)
    if config.getoption("hypothesis_seed", None) is None:
        hypothesis.core.global_force_seed = run_seed(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    _hook.uninstall()
    shutil.rmtree(_cache, ignore_errors=True)


@pytest.fixture(autouse=True)
def _seeded(request: pytest.FixtureRequest) -> None:
    """A test's random numbers follow from `--randomly-seed` and its name, whichever tests ran before it.

    pytest-randomly seeds Python and NumPy in the same way; here are the generators that it does not know. Without it
    (`-p no:randomly`) the seed is 0.
    """
    seed = run_seed(request.config) + zlib.crc32(request.node.nodeid.encode())
    if not request.config.pluginmanager.hasplugin("randomly"):
        random.seed(seed)
        np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    seeds.source = random.Random(seed)  # what draws a seed where the caller gave none


@pytest.fixture(autouse=True, scope="session")
def _loopback_only() -> Iterator[None]:
    """No test reaches beyond this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test tried to connect to {address[0]}")
        connect(self, address)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of the real corpora."""
    if "RNNZOO_DATA" not in os.environ:
        pytest.skip("RNNZOO_DATA is not set: no corpora here")
    return Path(os.environ["RNNZOO_DATA"])


@pytest.fixture(scope="session")
def corpus_path(data_dir: Path) -> Callable[[str], Path]:
    """The path of a corpus' file, such as ``"tinyshakespeare/input.txt"``."""

    def find(name: str) -> Path:
        path = data_dir / name
        if not path.is_file():
            pytest.skip(f"{name} is not under RNNZOO_DATA")
        return path

    return find
