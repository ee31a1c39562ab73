"""The discriminator of images and masks."""

import torch

from pipeline.generators.dual_discriminator import DualDiscriminator, one_hot_masks


def test_both_branches_are_judged_together() -> None:
    torch.manual_seed(0)
    judge = DualDiscriminator((6, 5, 4), classes=3, mask_channels=(6, 4, 2))
    images = torch.randn(4, 3, 16, 16, requires_grad=True)
    masks = torch.randn(4, 3, 16, 16, requires_grad=True)
    logits = judge(images, masks)
    assert logits.shape == (4,)
    at_images, at_masks = torch.autograd.grad(logits.sum(), [images, masks])
    assert at_images.abs().sum() > 0 and at_masks.abs().sum() > 0
    alone = judge(images)
    assert not torch.allclose(alone, logits)
    assert torch.equal(alone, judge(images))
    nothing = judge.mask_branch(masks)
    assert nothing.shape == judge.image_branch(images).shape == (4, 6, 4, 4)


def test_one_hot_masks() -> None:
    labels = torch.tensor([[[0, 2], [1, 1]]], dtype=torch.uint8)
    masks = one_hot_masks(labels, 3)
    assert masks.dtype == torch.float32
    assert torch.equal(masks.argmax(1), labels.long())
    assert torch.equal(masks.sum(1), torch.full((1, 2, 2), -1.0))
