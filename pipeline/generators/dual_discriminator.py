"""The dual-branch discriminator of SemanticStyleGAN (Shi et al. 2022, section 3.2)."""

import torch
from torch import Tensor, nn

from pipeline.generators.discriminator import DiscriminatorBlock, minibatch_stddev
from pipeline.generators.layers import EqualizedConv2d, EqualizedLinear


class Branch(nn.Module):
    """StyleGAN2's residual stack, down to 4 x 4.

    Args:
        inputs: channels of what it sees.
        channels: channels of each resolution from 4 x 4 up.
    """

    def __init__(self, inputs: int, channels: tuple[int, ...]) -> None:
        super().__init__()
        top_down = channels[::-1]
        self.start = EqualizedConv2d(inputs, top_down[0], 1, activation="lrelu")
        pairs = zip(top_down[:-1], top_down[1:], strict=True)
        self.blocks = nn.Sequential(*(DiscriminatorBlock(a, b) for a, b in pairs))

    def forward(self, x: Tensor) -> Tensor:
        """``[n, inputs, r, r]`` to ``[n, channels[0], 4, 4]``."""
        features: Tensor = self.blocks(self.start(x))
        return features


class DualDiscriminator(nn.Module):
    """Logits of real against generated for images and masks together.

    Two branches, so that the gradient at the masks, which is large, can be held down by a penalty
    of its own; their features are added at 4 x 4.

    Args:
        channels: of the image branch, from 4 x 4 up.
        classes: channels of the masks.
        mask_channels: of the mask branch, as many; None is those of the image branch. The last
            features of both have the same channels.
    """

    def __init__(
        self, channels: tuple[int, ...], classes: int, mask_channels: tuple[int, ...] | None = None
    ) -> None:
        super().__init__()
        last = channels[0]
        self.image_branch = Branch(3, channels)
        self.mask_branch = Branch(classes, (last, *(mask_channels or channels)[1:]))
        self.conv = EqualizedConv2d(last + 1, last, 3, activation="lrelu")
        self.fc = EqualizedLinear(last * 16, last, "lrelu")
        self.out = EqualizedLinear(last, 1)

    def forward(self, images: Tensor, masks: Tensor | None = None) -> Tensor:
        """Logits ``[n]``.

        Args:
            images: ``[n, 3, r, r]`` in [-1, 1].
            masks: one-hot in {-1, 1}, or scores of the classes, ``[n, K, r, r]``; None where images
                are all there is to go by.
        """
        x = self.image_branch(images)
        if masks is not None:
            x = x + self.mask_branch(masks)
        x = self.conv(minibatch_stddev(x))
        logits: Tensor = self.out(self.fc(x.flatten(1)))
        return logits.squeeze(1)


def one_hot_masks(labels: Tensor, classes: int) -> Tensor:
    """Masks in {-1, 1} float32 ``[n, classes, h, w]`` of labels ``[n, h, w]``."""
    numbers = torch.arange(classes, device=labels.device, dtype=labels.dtype)
    return (labels.unsqueeze(1) == numbers[:, None, None]).float() * 2 - 1
