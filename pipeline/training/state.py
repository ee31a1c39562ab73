"""What a GAN training carries from step to step, and how it survives a kill."""

import copy
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.optim import Adam

from pipeline.disk import Place, reason, sync_file, sync_folder
from pipeline.errors import UserError

G = TypeVar("G", bound=nn.Module)
D = TypeVar("D", bound=nn.Module)


@dataclass
class TrainingState(Generic[G, D]):
    """Networks, optimisers and counters of one GAN training.

    Attributes:
        ema: exponential moving average of the generator; the network that is shipped.
        images: real images shown to the discriminator so far, over all processes.
        path_mean: running mean of the path length, where that is penalised.
    """

    generator: G
    discriminator: D
    ema: G
    generator_optimizer: Adam
    discriminator_optimizer: Adam
    images: int = 0
    path_mean: Tensor = field(default_factory=lambda: torch.zeros([]))

    def save(self, path: Path) -> None:
        """Write everything, all at once.

        Raises:
            UserError: the disk is full or the folder cannot be written.
        """
        write_tensors({k: _state(v) for k, v in vars(self).items()}, path)

    def load(self, path: Path) -> None:
        """Go on from what :meth:`save` wrote, on whatever device this state is.

        Raises:
            UserError: the file is damaged, or of networks of another shape.
        """
        saved = read_tensors(path)
        try:
            for key, value in vars(self).items():
                if isinstance(value, nn.Module | Adam):
                    value.load_state_dict(saved[key])
            self.path_mean = saved["path_mean"].to(self.path_mean.device)
            self.images = saved["images"]
        except (KeyError, RuntimeError, ValueError) as error:
            raise UserError(
                f"'{path}' is not a checkpoint of these networks ({reason(error)}). "
                "Give another folder, or delete the file to begin anew."
            ) from error


def write_tensors(content: object, path: Path) -> None:
    """Write a ``.pt`` file under a temporary name, then rename: a kill leaves old or new, not half.

    Raises:
        UserError: the disk is full or the folder cannot be written; the old file is untouched.
    """
    temporary = path.with_suffix(".partial")
    with Place("training folder", path.parent, "--out").writing():
        try:
            torch.save(content, temporary)
        except RuntimeError as error:  # what torch makes of a full disk
            raise OSError(None, reason(error)) from error
        sync_file(temporary)
        os.replace(temporary, path)
        sync_folder(path.parent)


def read_tensors(path: Path) -> dict[str, Any]:
    """Read a ``.pt`` file, letting through tensors and plain containers only.

    Raises:
        UserError: it is missing or damaged.
    """
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the reader fails in any way on what is no such file
        raise UserError(f"'{path}' cannot be read ({reason(error)}).") from error
    return content


def _state(value: Any) -> Any:
    return value.state_dict() if hasattr(value, "state_dict") else value


def lazy_adam(parameters: Iterable[nn.Parameter], learning_rate: float, interval: int) -> Adam:
    """Adam(0, 0.99) corrected for a penalty applied every ``interval`` steps (appendix B)."""
    ratio = interval / (interval + 1)
    return Adam(parameters, lr=learning_rate * ratio, betas=(0.0, 0.99**ratio), eps=1e-8)


def new_state(
    generator: G,
    discriminator: D,
    learning_rate: float,
    path_interval: int,
    r1_interval: int,
) -> TrainingState[G, D]:
    """A training at its beginning; the average starts as a copy of the generator."""
    return TrainingState(
        generator,
        discriminator,
        copy.deepcopy(generator).eval().requires_grad_(False),
        lazy_adam(generator.parameters(), learning_rate, path_interval),
        lazy_adam(discriminator.parameters(), learning_rate, r1_interval),
        path_mean=torch.zeros([], device=next(generator.parameters()).device),
    )


@torch.no_grad()
def update_ema(ema: nn.Module, source: nn.Module, decay: float) -> None:
    """``ema <- decay * ema + (1 - decay) * source`` for parameters; buffers are copied."""
    pairs = zip(ema.parameters(), source.parameters(), strict=True)
    averages, values = map(list, zip(*pairs, strict=True))
    torch._foreach_lerp_(averages, values, 1 - decay)
    for mine, theirs in zip(ema.buffers(), source.buffers(), strict=True):
        mine.copy_(theirs)
