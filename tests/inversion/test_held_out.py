"""Renders to invert: always the same, of the embedded domain alone."""

import pytest
import torch

from pipeline.errors import UserError
from pipeline.inversion.held_out import HeldOutFaces


def test_the_same_faces_whenever_they_are_asked_for() -> None:
    plan = HeldOutFaces(count=2)
    first, again = (plan.photographs("procfaces", 32) for _ in range(2))
    assert first.pixels.shape == (2, 3, 32, 32)
    assert torch.equal(first.pixels, again.pixels)
    assert first.names == ["face_0", "face_1"]
    other = HeldOutFaces(count=2, faces_seed=7).photographs("procfaces", 32)
    assert first.hashes() != other.hashes()


def test_impossible_wishes() -> None:
    with pytest.raises(UserError, match="codes=inversion"):
        HeldOutFaces().photographs("ffhq", 32)
    with pytest.raises(UserError, match=r"codes\.count=0"):
        HeldOutFaces(count=0)
    with pytest.raises(UserError, match=r"codes\.steps=0"):
        HeldOutFaces(steps=0)
