"""From a SemanticStyleGAN's training to the network that is shipped."""

import re
from pathlib import Path
from typing import Any

import torch

from pipeline.disk import reason
from pipeline.errors import UserError
from pipeline.generators.semantic_stylegan import SemanticStyleGAN, SemanticStyleGANConfig
from pipeline.training.state import read_tensors

MEAN_SAMPLES, CHUNK = 20_000, 1000


def restored(path: Path, architecture: dict[str, Any]) -> tuple[SemanticStyleGAN, int]:
    """The averaged generator of a checkpoint or snapshot, and the images shown until then.

    Args:
        path: ``checkpoint.pt`` or ``snapshot_XXXXXk.pt``.
        architecture: fields of the configuration, as the training described them.

    Raises:
        UserError: the file is neither, or of another training.
    """
    content = read_tensors(path)
    named = re.fullmatch(r"snapshot_(\d+)k", path.stem)
    if "ema" not in content and named is None:
        raise UserError(f"'{path}' is neither a snapshot_XXXXXk.pt nor a checkpoint of a training.")
    images = int(content["images"]) if named is None else 1000 * int(named[1])
    fields = architecture.items()
    lists: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in fields}
    try:
        network = SemanticStyleGAN(SemanticStyleGANConfig(**lists))
        network.load_state_dict(content.get("ema", content))
    except (TypeError, RuntimeError) as error:
        raise UserError(f"'{path}' is not of the folder's training ({reason(error)}).") from error
    return network.eval().requires_grad_(False), images


def set_mean_w(network: SemanticStyleGAN, seed: int) -> None:
    """Take the mean w of ``MEAN_SAMPLES`` mapped z, in float64."""
    z = network.sample(MEAN_SAMPLES, torch.Generator().manual_seed(seed)).values
    sums = [network.mapping(part).double().sum(0) for part in z.split(CHUNK)]
    network.mapping.w_avg.copy_(torch.stack(sums).sum(0) / MEAN_SAMPLES)
