"""Language models on linear cells: they write what the whole text implies, and their sessions survive a file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from rnnzoo.backbones import BlockConfig, StackConfig
from rnnzoo.cells import CellConfig
from rnnzoo.inference.generation.session import Session
from rnnzoo.models import LanguageModel, LanguageModelConfig
from rnnzoo.text import CharTokenizer

NAMES = ["gated_deltanet", "indrnn", "lru", "mingru", "minlstm", "mlstm", "qrnn", "rglru", "sru"]
BLOCK = BlockConfig(expansion=1.5, gate="silu", conv_width=3, mlp_expansion=1)


def build(name: str, block: BlockConfig | None) -> LanguageModel:
    backbone = StackConfig(CellConfig.from_dict(name), hidden_size=8, num_layers=2, block=block)
    model = LanguageModelConfig(embedding_dim=6, backbone=backbone).build(CharTokenizer(sorted("\n abcdefgh."))).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.5)
    return model


@pytest.mark.parametrize("block", [None, BLOCK], ids=["bare", "block"])
@pytest.mark.parametrize("name", NAMES)
def test_stepping_writes_what_the_whole_text_implies(name: str, block: BlockConfig | None, tmp_path: Path) -> None:
    model = build(name, block)
    session = Session(model, seed=0).feed("abc")
    first = session.generate(10, temperature=0)[0]
    session.save(tmp_path / "session.safetensors")
    rest = session.generate(10, temperature=0)[0]
    assert Session.load(tmp_path / "session.safetensors", model).generate(10, temperature=0)[0] == rest

    ids = model.tokenizer.encode("abc").tolist()
    for _ in range(20):
        with torch.no_grad():
            logits, _ = model(torch.tensor([ids]), model.initial_state(1))
        ids.append(int(logits[0, -1].argmax()))
    assert model.tokenizer.decode(ids[3:]) == first + rest
