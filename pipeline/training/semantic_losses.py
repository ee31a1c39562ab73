"""The losses of a SemanticStyleGAN beside StyleGAN2's (Shi et al. 2022, section 3.2)."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def mask_loss(scores: Tensor, coarse: Tensor) -> Tensor:
    """Mean squared difference between the coarse masks and the final scores, pooled to their size.

    Args:
        scores: ``[n, K, r, r]``.
        coarse: ``[n, K, c, c]`` in [-1, 1].
    """
    pooled = F.adaptive_avg_pool2d(scores.float(), (coarse.shape[2], coarse.shape[3]))
    return F.mse_loss(coarse.float(), pooled)


def r1_of_branches(
    logits: Tensor, inputs: Sequence[Tensor], gammas: Sequence[float]
) -> list[Tensor]:
    """R1 penalties at what each branch was shown of real data, half its gamma times the mean.

    Args:
        logits: ``[n]``, computed from all inputs.
        inputs: images ``[n, 3, r, r]`` and masks ``[n, K, r, r]``, or images alone; they require a
            gradient.
        gammas: weight at each.
    """
    gradients = torch.autograd.grad(logits.sum(), list(inputs), create_graph=True)
    squares = [g.flatten(1).square().sum(dim=1).mean() for g in gradients]
    return [0.5 * gamma * square for gamma, square in zip(gammas, squares, strict=True)]


def mixed_parts(first: Tensor, second: Tensor, base_rows: int, share: float) -> Tensor:
    """Style mixing over classes: w+ codes whose classes come of one or of two w.

    A class gets structure and texture of the first, structure of the first and texture of the
    second, or both of the second, each as often; base codes are the first's. Randomness is torch's
    global one.

    Args:
        first: ``[n, num_ws, w_dim]``, base codes, then structure and texture of every class.
        second: the same of other samples.
        base_rows: how many base codes there are.
        share: of the samples, how many are mixed.
    """
    n, rows, _ = first.shape
    mixed = torch.rand(n, 1, device=first.device) < share
    choice = torch.randint(3, (n, (rows - base_rows) // 2), device=first.device)
    of_second = torch.stack([choice == 2, choice >= 1], dim=2).flatten(1) & mixed
    of_second = F.pad(of_second, (base_rows, 0), value=False)
    return torch.where(of_second.unsqueeze(2), second, first)
