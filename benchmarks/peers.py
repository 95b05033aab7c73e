"""The sides of `benchmarks.train`: one network and one training step, in rnnzoo and in what else one may use.

Each is a function of the setting that trains until it is told to stop, and calls `turns.done` after each step. All read
the same ids as the same streams, carry the state from chunk to chunk without its gradient, clip the gradient to norm 1
and take a step of AdamW.
"""

from __future__ import annotations

import itertools
from argparse import Namespace
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np

from benchmarks.harness import Turns

VOCABULARY = "\n !$&',-.3:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"  # Tiny Shakespeare's 65
Train = Callable[[Namespace, Turns], None]
LR, DECAY, CLIP = 1e-3, 0.01, 1.0


def windows(options: Namespace) -> Iterator[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
    """Tokens (B, T) and what follows each of them, as rnnzoo's streams are cut; over and over."""
    ids = np.load(options.root / "text.npy", mmap_mode="r")
    begins = np.arange(options.streams)[:, None] * ((len(ids) - 1) // options.streams)
    chunks = (len(ids) - 1) // options.streams // options.chunk
    for number in itertools.cycle(range(chunks)):
        window = ids[begins + np.arange(number * options.chunk, (number + 1) * options.chunk + 1)]
        yield window[:, :-1], window[:, 1:]


# ------------------------------------------------------------------------------------------------------------ PyTorch


def network(options: Namespace, cells: bool = False) -> Any:
    """The network as one writes it with PyTorch alone; with nn.LSTMCell, step by step, where `cells` is set."""
    import torch
    from torch import nn

    class Cells(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            sizes = [options.embedding, *[options.hidden] * options.layers]
            self.cells = nn.ModuleList(map(nn.LSTMCell, sizes[:-1], sizes[1:]))

        def forward(self, x: torch.Tensor, state: Any) -> tuple[torch.Tensor, Any]:
            state = list(state or [None] * len(self.cells))
            outputs = []
            for x_t in x.unbind(1):
                for layer, cell in enumerate(self.cells):
                    state[layer] = cell(x_t, state[layer])
                    x_t = state[layer][0]
                outputs.append(x_t)
            return torch.stack(outputs, 1), state

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(len(VOCABULARY), options.embedding)
            lstm = nn.LSTM(options.embedding, options.hidden, options.layers, batch_first=True)
            self.lstm = Cells() if cells else lstm
            self.head = nn.Linear(options.hidden, len(VOCABULARY))

        def forward(self, tokens: torch.Tensor, state: Any) -> tuple[torch.Tensor, Any]:
            hidden, state = self.lstm(self.embedding(tokens), state)
            return self.head(hidden), state

    torch.manual_seed(1)
    return Network()


def tensors(window: tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]) -> list[Any]:
    """A window for PyTorch."""
    import torch

    return [torch.from_numpy(part.astype(np.int64)) for part in window]


def detached(state: Any) -> Any:
    """The same state, without its gradient."""
    from torch.utils._pytree import tree_map

    return tree_map(lambda leaf: leaf.detach(), state)


def plain(options: Namespace, turns: Turns, *, cells: bool = False) -> None:
    """A plain loop, and nothing else."""
    import torch
    from torch import nn

    model, state = network(options, cells), None
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR, weight_decay=DECAY, fused=True)
    for window in windows(options):
        tokens, targets = tensors(window)
        logits, state = model(tokens, state)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        state = detached(state)
        turns.done()


def plain_kept(options: Namespace, turns: Turns) -> None:
    """The same with rnnzoo's setting of malloc, which a plain loop would need for itself."""
    from rnnzoo.training import keep_freed_memory

    keep_freed_memory()
    plain(options, turns)


def plain_without_onednn(options: Namespace, turns: Turns) -> None:
    """The same with PyTorch's own kernels."""
    import torch

    with torch.backends.mkldnn.flags(enabled=False):
        plain(options, turns)


def bare_lightning(options: Namespace, turns: Turns) -> None:
    """Lightning with all that can be switched off switched off."""
    import logging
    import warnings

    import lightning
    import torch
    from torch import nn

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model, self.state = network(options), None

        def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
            logits, state = self.model(batch[0], self.state)
            self.state = detached(state)
            return nn.functional.cross_entropy(logits.flatten(0, 1), batch[1].flatten())

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.AdamW(self.parameters(), lr=LR, weight_decay=DECAY, fused=True)

        def configure_gradient_clipping(self, optimizer: Any, *args: Any, **kwargs: Any) -> None:
            nn.utils.clip_grad_norm_(self.parameters(), CLIP)

        def on_train_batch_end(self, *args: Any) -> None:
            turns.done()

    class Windows(torch.utils.data.IterableDataset[Any]):
        def __iter__(self) -> Iterator[Any]:
            return map(tensors, windows(options))

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    loader = torch.utils.data.DataLoader(Windows(), batch_size=None)
    lightning.Trainer(barebones=True, accelerator="cpu", max_steps=10**9).fit(Module(), loader)


def rnnzoo(options: Namespace, turns: Turns) -> None:
    """`rnnzoo train` as it is: logging, progress, history, checkpoints."""
    from rnnzoo.tasks import train
    from rnnzoo.training import History

    written = History.on_train_batch_end

    def noted(self: Any, *args: Any) -> None:
        written(self, *args)
        turns.done()

    History.on_train_batch_end = noted  # type: ignore[method-assign]
    train(options.root / "bench.yaml", runs=options.root / "runs")


# --------------------------------------------------------------------------------------------------------------- JAX


def flax(options: Namespace, turns: Turns) -> None:
    """flax.nnx with optax."""
    import jax
    import jax.numpy as jnp
    import optax
    from flax import nnx

    class Network(nnx.Module):
        def __init__(self, rngs: nnx.Rngs) -> None:
            sizes = [options.embedding, *[options.hidden] * options.layers]
            self.embedding = nnx.Embed(len(VOCABULARY), options.embedding, rngs=rngs)
            cells = [nnx.OptimizedLSTMCell(a, b, rngs=rngs) for a, b in itertools.pairwise(sizes)]
            self.layers = nnx.List([nnx.RNN(cell, rngs=rngs) for cell in cells])
            self.head = nnx.Linear(options.hidden, len(VOCABULARY), rngs=rngs)

        def __call__(self, tokens: Any, carries: Any) -> tuple[Any, Any]:
            x, after = self.embedding(tokens), []
            for layer, carry in zip(self.layers, carries, strict=True):
                carry, x = layer(x, initial_carry=carry, return_carry=True)
                after.append(carry)
            return self.head(x), after

    model = Network(nnx.Rngs(1))
    steps = optax.chain(optax.clip_by_global_norm(CLIP), optax.adamw(LR, weight_decay=DECAY))
    optimizer = nnx.Optimizer(model, steps, wrt=nnx.Param)

    @nnx.jit
    def step(model: Any, optimizer: Any, tokens: Any, targets: Any, carries: Any) -> Any:
        def loss_of(model: Any) -> Any:
            logits, after = model(tokens, carries)
            return optax.softmax_cross_entropy_with_integer_labels(logits, targets).mean(), after

        (loss, after), gradients = nnx.value_and_grad(loss_of, has_aux=True)(model)
        optimizer.update(model, gradients)
        return loss, jax.lax.stop_gradient(after)

    zeros = jnp.zeros((options.streams, options.hidden))
    carries = [(zeros, zeros) for _ in range(options.layers)]
    for tokens, targets in windows(options):
        loss, carries = step(model, optimizer, tokens.astype(np.int32), targets.astype(np.int32), carries)
        turns.done(loss.block_until_ready)


def keras(options: Namespace, turns: Turns) -> None:
    """Keras 3 on JAX: stateful layers and `fit`."""
    import keras

    class Told(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            turns.done(lambda: float(logs["loss"]))

    recurrent = [keras.layers.LSTM(options.hidden, return_sequences=True, stateful=True) for _ in range(options.layers)]
    model = keras.Sequential(
        [
            keras.Input(batch_shape=(options.streams, options.chunk), dtype="int32"),
            keras.layers.Embedding(len(VOCABULARY), options.embedding),
            *recurrent,
            keras.layers.Dense(len(VOCABULARY)),
        ]
    )
    model.compile(
        keras.optimizers.AdamW(LR, weight_decay=DECAY, global_clipnorm=CLIP),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=True,
    )
    batches = ((tokens.astype(np.int32), targets.astype(np.int32)) for tokens, targets in windows(options))
    model.fit(batches, steps_per_epoch=10**9, verbose=0, callbacks=[Told()])


SIDES: dict[str, tuple[Train, tuple[str, ...], dict[str, str]]] = {
    "rnnzoo": (rnnzoo, (), {"FORCE_COLOR": "1"}),  # the bar is drawn, as on a terminal
    "nn.LSTM loop": (plain, (), {}),
    "nn.LSTM loop, freed memory kept": (plain_kept, (), {}),
    "nn.LSTM loop, oneDNN off": (plain_without_onednn, (), {}),
    "nn.LSTMCell loop": (lambda options, turns: plain(options, turns, cells=True), (), {}),
    "Lightning, barebones": (bare_lightning, (), {}),
    "flax": (flax, ("flax", "jax", "optax"), {"JAX_PLATFORMS": "cpu"}),
    "Keras on JAX": (keras, ("keras", "jax"), {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}),
}
"""By name: what trains, the packages that it needs beside rnnzoo's own, and variables of its environment."""


def missing(name: str) -> tuple[str, ...]:
    """The packages that the side `name` needs and that are not installed."""
    return tuple(package for package in SIDES[name][1] if find_spec(package) is None)
