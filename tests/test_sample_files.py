"""Numbers of every sample, written and read, and matched between jobs."""

from pathlib import Path

import torch
from safetensors.torch import save_file

from pipeline.domains.base import NoPredictor
from pipeline.domains.judges import NOBODY
from pipeline.measures import MeasureFactory
from pipeline.sample_files import matched, per_sample, read_samples


def test_every_metric_of_single_images_gives_its_columns() -> None:
    measures = MeasureFactory(NOBODY, None, NoPredictor(), ssim=True).new()
    images = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    mask = torch.zeros(16, 16)
    mask[:8] = 1
    measures.update(images, images * 0.5, mask, torch.tensor([7, 5, 6]))
    found = per_sample(measures)
    assert found["index"].tolist() == [5, 6, 7]
    error = (images[1] - images[1] * 0.5)[:, :8].square().mean() / 4  # of RGB in [0, 1]
    assert torch.allclose(found["mse_in"][0], error.double(), rtol=1e-5)
    assert {"mse_out", "ssim"} <= set(found)


def test_strengths_are_read_in_their_order(tmp_path: Path) -> None:
    tensors = {f"{s}/mse_in": torch.tensor([float(s)]) for s in ("2", "0.5", "-1")}
    save_file(tensors, tmp_path / "samples.safetensors")
    found = read_samples(tmp_path / "samples.safetensors")
    assert list(found) == [-1.0, 0.5, 2.0]
    assert found[2.0]["mse_in"].tolist() == [2.0]
    assert read_samples(tmp_path / "absent") == {}


def test_only_the_same_samples_are_a_match() -> None:
    first = {"index": torch.tensor([0, 1]), "id": torch.tensor([0.1, 0.2])}
    other = {"index": torch.tensor([0, 2]), "id": torch.tensor([0.1, 0.2])}
    assert matched(first, other, "id") is None
    assert matched(first, first, "ssim") is None
    assert matched(first, first, "id") is not None
