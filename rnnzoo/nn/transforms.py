"""What is true while `torch.func` transforms a function, or torch.export captures it."""

from __future__ import annotations

import torch

__all__ = ["exporting", "plain_operations_only", "transformed"]


def transformed() -> bool:
    """Whether `torch.func` transforms what runs now: vmap, grad, jvp and what is made of them.

    It knows neither PyTorch's recurrent kernels nor adjoints that write into buffers. The unrolled step is made of
    operations that it knows.
    """
    return torch._C._are_functorch_transforms_active()


def plain_operations_only() -> bool:
    """Whether no adjoint of our own can run: `transformed`, or captured by torch.export, which sees into none."""
    return transformed() or exporting()


def exporting() -> bool:
    """Whether torch.export captures what runs now; PyTorch 2.6 does not tell, and there it is False."""
    return getattr(torch.compiler, "is_exporting", bool)()
