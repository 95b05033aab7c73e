"""The job files of examples/, for SLURM and SkyPilot: their shell is shell, and the commands in them are ours.

No scheduler is at hand. By hand they were checked with shellcheck and with SkyPilot's own schema (docs/multi-gpu.md).
"""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
import yaml
from blocks import ROOT, parsed

SLURM = (ROOT / "examples" / "slurm.sh").read_text(encoding="utf-8")
SKYPILOT = (ROOT / "examples" / "skypilot.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("script", [SLURM, yaml.safe_load(SKYPILOT)["run"], yaml.safe_load(SKYPILOT)["setup"]])
def test_the_shell_is_shell(script: str) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")
    done = subprocess.run([bash, "-n"], input=script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("script", [SLURM, SKYPILOT], ids=["slurm", "skypilot"])
def test_the_command_is_ours(script: str) -> None:
    (words,) = re.findall(r'rnnzoo (train .*--continue.*)"?$', script, re.MULTILINE)
    words = re.sub(r'"\$\{?RECIPE\S*', "char-lstm.tinyshakespeare", words).replace('"', "").split()
    assert parsed(words) == [words[2]]
    assert words[2] in ("hardware/slurm", "hardware/torchrun")


def test_skypilot_starts_what_is_described() -> None:
    task = yaml.safe_load(SKYPILOT)
    assert (task["num_nodes"], task["resources"]["accelerators"]) == (
        2,
        "H100:8",
    )  # sixteen, as hardware/torchrun scales
    assert task["envs"]["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] == "1"
