"""PyTorch's side: its own modules as the reference, `torch.func`, torch.export and torch.compile."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, jacfwd, jacrev, vmap
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

import rnnzoo
from rnnzoo import state as states
from rnnzoo.cells import CellConfig, builtin_cells
from rnnzoo.layers import GRU, LSTM, RNN, Recurrent

PAIRS: list[tuple[str, Any, dict[str, Any]]] = [
    ("lstm", nn.LSTM, {}),
    ("gru", nn.GRU, {}),
    ("rnn", nn.RNN, {}),
    ("rnn", nn.RNN, {"nonlinearity": "relu"}),
]
FORMS: list[dict[str, Any]] = [
    {},
    {"bidirectional": True},
    {"bias": False, "batch_first": True},
    {"bias": False, "bidirectional": True, "batch_first": True},
]


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def inputs(batch_first: bool = False) -> list[Any]:
    """A batch, a sequence without one, and packed ones of either kind."""
    x = torch.randn(6, 5, 3)
    of_torch = x.transpose(0, 1) if batch_first else x
    lengths = torch.tensor([6, 6, 4, 2, 1])
    packed = [pack_padded_sequence(x, lengths), pack_padded_sequence(x, lengths.flip(0), enforce_sorted=False)]
    return [of_torch, x[:, 0], *packed]


def tensors(result: Any) -> list[torch.Tensor]:
    """Of an output, packed or not, and a state."""
    y, state = result
    return [y.data if isinstance(y, PackedSequence) else y, *states.leaves(state)]


@pytest.mark.parametrize(("name", "reference", "options"), PAIRS, ids=lambda value: str(value))
@pytest.mark.parametrize("form", FORMS, ids=lambda form: " ".join(form))
def test_weights_go_both_ways(name: str, reference: Any, options: dict[str, Any], form: dict[str, Any]) -> None:
    theirs = reference(3, 4, 2, **options, **form)
    ours = rnnzoo.rnn(name, 3, 4, 2, **options, **form)
    assert isinstance(ours, reference)
    ours.load_state_dict(theirs.state_dict())
    other = reference(3, 4, 2, **options, **form)
    other.load_state_dict(ours.state_dict())
    generic = Recurrent(CellConfig.from_dict({"name": name, **options}), 3, 4, 2, form.get("batch_first", False), 0.0,
                        form.get("bidirectional", False))  # fmt: skip
    generic.stack.load_torch(theirs.state_dict())
    for x in inputs(form.get("batch_first", False)):
        y, final = theirs(x)
        for got, again in zip(tensors(ours(x)), tensors(other(x)), strict=True):
            assert torch.equal(got, again)
        for layer in (ours, generic):  # the cells themselves, too
            torch.testing.assert_close(tensors(layer(x)), tensors((y, final)), rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(tensors(layer(x, final)), tensors(theirs(x, final)), rtol=1e-4, atol=1e-5)


def test_initial_weights_are_the_cells() -> None:
    for layer in (rnnzoo.rnn("lstm", 3, 4, 2, bidirectional=True), LSTM(3, 4, 2, bidirectional=True)):
        assert isinstance(layer, LSTM)
        for name, parameter in layer.named_parameters():
            if name.startswith("bias_ih"):
                assert parameter.view(4, 4)[1].eq(1).all()
                assert parameter.sum() == 4
            if name.startswith("weight_hh"):  # orthogonal, gate by gate
                for gate in parameter.view(4, 4, 4):
                    torch.testing.assert_close(gate @ gate.T, torch.eye(4), rtol=1e-5, atol=1e-5)
    assert rnnzoo.rnn("lstm", 3, 4, forget_bias=0.0).state_dict()["bias_ih_l0"].eq(0).all()
    before = copy.deepcopy(layer)
    layer.reset_parameters()
    assert not torch.equal(before.weight_hh_l1, layer.weight_hh_l1)
    assert GRU(3, 4).bias_ih_l0.eq(0).all()
    assert RNN(3, 4, nonlinearity="relu").nonlinearity == "relu"


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN:UserWarning")
def test_projections_of_lstm() -> None:
    ours, theirs = LSTM(3, 6, 2, proj_size=2), nn.LSTM(3, 6, 2, proj_size=2)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(6, 5, 3)
    torch.testing.assert_close(states.leaves(ours(x)), states.leaves(theirs(x)))
    parameters = dict(ours.named_parameters())
    torch.testing.assert_close(vmap(lambda x: functional_call(ours, parameters, (x,))[0])(x[None])[0], ours(x)[0])


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")  # torch.func of itself
@pytest.mark.parametrize("name", builtin_cells())
def test_torch_func(name: str) -> None:
    layer: Any = rnnzoo.rnn(name, 3, 4, bidirectional=name in ("lstm", "mingru"), dtype=torch.float64)
    parameters = {name: parameter.detach() for name, parameter in layer.named_parameters()}

    def loss(parameters: Any, x: torch.Tensor) -> torch.Tensor:
        y, final = functional_call(layer, parameters, (x,))
        return (y**3).sum() + sum((leaf.abs() ** 2).sum() for leaf in states.leaves(final))

    x = torch.randn(2, 4, 3, 3, dtype=torch.float64)  # two batches of three rows
    each = vmap(grad(loss), in_dims=(None, 0))(parameters, x)
    for index, batch in enumerate(x):
        layer.zero_grad()
        loss(dict(layer.named_parameters()), batch).backward()
        for name_, parameter in layer.named_parameters():
            torch.testing.assert_close(each[name_][index], parameter.grad)
    some = next(iter(parameters))

    def of_one(value: torch.Tensor) -> torch.Tensor:
        return loss(parameters | {some: value}, x[0])

    torch.testing.assert_close(jacfwd(of_one)(parameters[some]), jacrev(of_one)(parameters[some]))


CAPTURED = """
import sys, torch, rnnzoo
from torch import nn

class Model(nn.Module):
    def __init__(self, name):
        super().__init__()
        self.rnn = rnnzoo.rnn(name, 3, 4, bidirectional=name == "mingru", batch_first=True)
        self.head = nn.Linear(2 if name == "projected_lstm" else 8 if name == "mingru" else 4, 2)

    def forward(self, x):
        return self.head(self.rnn(2 * x)[0][:, -1]).relu()

def gradients(model, x):
    model.zero_grad()
    model(x).sum().backward()
    return [parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None]

for name in sys.argv[1:]:
    torch.manual_seed(0)
    model = Model(name).eval()
    compiled = torch.compile(model, backend="aot_eager")
    for length in (3, 5):
        x = torch.randn(5, length, 3)
        torch.testing.assert_close(compiled(x), model(x))
        torch.testing.assert_close(gradients(compiled, x), gradients(model, x))
    torch._dynamo.reset()
    x = torch.randn(5, 2, 3)
    batch = torch.export.Dim("batch", min=2, max=64)
    free = torch.export.export(model, (x,), dynamic_shapes={"x": {0: batch}}, strict=False).module()
    torch.testing.assert_close(free(x[:3]), model(x[:3]))
    strict = torch.export.export(model, (x,), strict=True).module()
    torch.testing.assert_close(strict(x), model(x))
    torch._dynamo.reset()
    print(name)
"""


@pytest.mark.slow
def test_compile_and_export() -> None:
    """In a process of its own: the tests' shape checks are functions that cannot be compiled."""
    names = builtin_cells()
    command = [sys.executable, "-c", CAPTURED, *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.split() == list(names), done.stderr


@pytest.mark.parametrize("name", ["lstm", "qrnn", "mlstm"])
def test_copies_and_files(name: str) -> None:
    layer: Any = rnnzoo.rnn(name, 3, 4, 2, bidirectional=True)
    x = torch.randn(6, 5, 3)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        torch.testing.assert_close(states.leaves(twin(x)), states.leaves(layer(x)))
