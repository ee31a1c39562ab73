"""Networks that have shapes but no memory, to be filled from a file.

PyTorch's own ``meta`` device would do, but the first operation on it loads the whole compiler
(seconds), and numbers drawn in vain would cost as much memory as the network.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

FACTORIES = (torch.empty, torch.full, torch.ones, torch.rand, torch.randn, torch.zeros)
IN_PLACE = (Tensor.copy_, Tensor.fill_, Tensor.normal_, Tensor.uniform_, Tensor.zero_)
SCALINGS = (Tensor.div, Tensor.mul)


class Hollow(TorchFunctionMode):
    """While this is active, new tensors are one element seen at any shape, and stay so.

    Args:
        most: how many tensors may be made; a forged configuration may ask for millions.
    """

    def __init__(self, most: int = 100_000) -> None:
        super().__init__()
        self.left = most

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Stand in for what makes, initialises or scales tensors."""
        options = kwargs or {}
        if func in FACTORIES:
            self.left -= 1
            if self.left < 0:
                raise ValueError("it needs more tensors than there are")
            size = args[0] if args and not isinstance(args[0], int) else args
            return torch.zeros((), dtype=options.get("dtype")).expand(options.get("size", size))
        if func in IN_PLACE or getattr(func, "__module__", "") == "torch.nn.init":
            return args[0] if args else options["tensor"]
        if func is Tensor.is_contiguous:
            return True  # what is not would be copied, at its full size
        if func in SCALINGS and not isinstance(args[1], Tensor):
            return args[0]
        return func(*args, **options)
