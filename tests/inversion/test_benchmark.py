"""What inverted codes are held against in the benchmark."""

from pathlib import Path

import pytest
import torch

from pipeline.benchmarks.inversion import HELD_OUT, held_out, prepared, sampled
from pipeline.datasets.procfaces import render, sample_factors
from tests.generators.networks import small_network
from tests.generic import WaveGenerator


def test_sampled_codes_leave_the_generator_as_it_was() -> None:
    generator = small_network(dtype=torch.float32)
    generator.truncation_psi = 0.8
    free, narrow = sampled(generator, 1.0), sampled(generator, 0.5)
    assert generator.truncation_psi == 0.8
    expected = generator.w_avg + 0.5 * (free.values - generator.w_avg)
    torch.testing.assert_close(narrow.values, expected)
    with pytest.raises(ValueError, match="style-based"):
        sampled(WaveGenerator(), 1.0)


def test_the_renders_are_those_of_the_held_out_seed(tmp_path: Path) -> None:
    images = held_out(2)
    e = prepared(images, tmp_path / "renders", 1, ["codes.steps=3"])
    assert e.inversion is not None
    assert e.inversion.how.steps == 3
    torch.testing.assert_close(
        images, render(sample_factors(2, torch.Generator().manual_seed(HELD_OUT))).images
    )
    torch.testing.assert_close(e.inversion.photographs.images, images, atol=1 / 255 + 1e-6, rtol=0)
