from pathlib import Path

import pytest
import torch
from torch import Tensor

from pipeline.domains.procfaces import ProcFaces
from pipeline.stages.inputs import CODE_BLOCK, Reference, Sampling
from tests.generic import WaveGenerator


def quiet(done: int, total: int) -> None:
    assert 0 < done <= total


def codes(count: int, seed: int = 0, purpose: str = "evaluate") -> Tensor:
    return Sampling(WaveGenerator(), count, seed, purpose).compute(quiet).values


@pytest.mark.parametrize("count", [1, CODE_BLOCK - 1, CODE_BLOCK, CODE_BLOCK + 1])
def test_a_code_does_not_depend_on_how_many_are_drawn(count: int) -> None:
    assert torch.equal(codes(count), codes(3 * CODE_BLOCK)[:count])


def test_seeds_and_purposes_are_independent() -> None:
    first = codes(8)
    assert not torch.equal(first, codes(8, seed=1))
    assert not torch.equal(first, codes(8, purpose="discover"))


def test_codes_survive_the_store(tmp_path: Path) -> None:
    stage = Sampling(WaveGenerator(), 5, 0, "evaluate")
    drawn = stage.compute(quiet)
    stage.save(drawn, tmp_path)
    read = stage.load(tmp_path)
    assert torch.equal(read.values, drawn.values)
    assert read.space == drawn.space
    assert read.labels is None


class MeanColour:
    name, dim, fingerprint = "fd_mean", 3, "mean"

    def __call__(self, images: Tensor) -> Tensor:
        return images.mean(dim=(2, 3))


def test_reference_statistics_are_those_of_the_images(tmp_path: Path) -> None:
    domain = ProcFaces(reference_samples=130)
    stage = Reference(domain, MeanColour())
    found = stage.compute(quiet)
    features = torch.cat([MeanColour()(x) for x in domain.reference_images()]).double()
    assert found.n == 130
    assert torch.allclose(found.mean, features.mean(0), atol=1e-6)
    assert torch.allclose(found.covariance, features.T.cov(), atol=1e-6)
    stage.save(found, tmp_path)
    assert torch.equal(stage.load(tmp_path).covariance, found.covariance)


def test_the_reference_depends_on_data_and_extractor() -> None:
    keys = [Reference(ProcFaces(130, seed), MeanColour()).settings() for seed in (1, 2)]
    assert keys[0] != keys[1]
