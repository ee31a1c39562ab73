"""The shipped evaluators on fresh renders: conservative bars, well below their cards."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from pipeline.datasets.procfaces.factors import FACTORS, NAMES
from pipeline.datasets.procfaces.parts import PARTS
from pipeline.datasets.procfaces.render import Rendering
from pipeline.errors import UserError
from pipeline.evaluators import identifying, shipped
from pipeline.evaluators.embedded import (
    AttributeRegressor,
    Embedded,
    EmbeddedDistance,
    EmbeddedFeatures,
    EmbeddedIdentity,
    FaceParser,
)
from pipeline.evaluators.quality import batches, determination, intersection_over_union
from pipeline.evaluators.reading import held_out

ALL: tuple[type[Embedded], ...] = (
    FaceParser,
    AttributeRegressor,
    EmbeddedFeatures,
    EmbeddedDistance,
    EmbeddedIdentity,
)


@pytest.fixture(scope="module")
def fresh() -> tuple[Tensor, Rendering]:
    return held_out(256, seed=77)


def test_parser_finds_the_parts(fresh: tuple[Tensor, Rendering]) -> None:
    parser = FaceParser.load()
    labels = torch.cat([parser.parse(images) for images in batches(fresh[1].images)])
    assert labels.dtype == torch.uint8
    assert intersection_over_union(labels, fresh[1].labels, len(PARTS)).mean() >= 0.85


def test_regressor_reads_what_its_card_says(fresh: tuple[Tensor, Rendering]) -> None:
    regressor = AttributeRegressor.load()
    predicted = torch.cat([regressor.predict(images) for images in batches(fresh[1].images)])
    r2 = dict(zip(NAMES, determination(predicted, fresh[0]), strict=True))
    assert len(regressor.readable) >= 35
    assert all(r2[name] >= 0.7 for name in regressor.readable)
    for name in ("mouth_open", "smile", "eye_open", "gaze_x", "brow_raise", "nose_length", "yaw"):
        assert r2[name] >= 0.9, name


def test_regressor_units(fresh: tuple[Tensor, Rendering]) -> None:
    regressor, images = AttributeRegressor.load(), fresh[1].images[:20]
    predicted, standardised = regressor.predict(images), regressor.standardised(images)
    assert torch.allclose(standardised * regressor.std + regressor.mean, predicted, atol=1e-5)
    presence = [factor.kind == "presence" for factor in FACTORS]
    assert predicted[:, presence].min() >= 0
    assert predicted[:, presence].max() <= 1
    assert set(regressor.readable) <= set(regressor.names) == set(NAMES)


def test_identity_ignores_expression_and_scene() -> None:
    quality = identifying.measure(EmbeddedIdentity.load(), families=16, seed=78)
    assert quality.others.value >= 0.98
    assert quality.siblings.value >= 0.9


def test_identities_are_unit_vectors(fresh: tuple[Tensor, Rendering]) -> None:
    identities = EmbeddedIdentity.load()(fresh[1].images[:5])
    assert torch.allclose(identities.vectors.norm(dim=1), torch.ones(5), atol=1e-4)
    assert identities.valid.tolist() == [True] * 5


def test_features_are_normalised_over_the_domain(fresh: tuple[Tensor, Rendering]) -> None:
    extractor = EmbeddedFeatures.load()
    features = torch.cat([extractor(images) for images in batches(fresh[1].images)])
    assert features.shape == (256, extractor.dim)
    assert features.mean(0).abs().mean() < 0.15
    assert (features.std(0).mean() - 1).abs() < 0.15


def test_distance_grows_with_the_change(fresh: tuple[Tensor, Rendering]) -> None:
    distance, images = EmbeddedDistance.load(), fresh[1].images[:40]
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    steps = [distance(images, images + sigma * noise).mean() for sigma in (0, 0.01, 0.05)]
    steps.append(distance(images, images.roll(1, 0)).mean())
    assert steps[0] == 0
    assert steps == sorted(steps)
    assert torch.allclose(distance(images, images.roll(1, 0)), distance(images.roll(1, 0), images))


@pytest.mark.parametrize("kind", ALL)
def test_loaded_networks_are_frozen_but_pass_gradients(kind: type[Embedded]) -> None:
    network = kind.load()
    images = torch.zeros(1, 3, 64, 64, requires_grad=True)
    result = network(images, images + 0.1) if kind is EmbeddedDistance else network(images)
    value = result.vectors if kind is EmbeddedIdentity else result
    value.flatten()[0].backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())


@pytest.mark.parametrize("kind", ALL)
def test_other_sizes_are_resampled(kind: type[Embedded], fresh: tuple[Tensor, Rendering]) -> None:
    images = fresh[1].images[:2].repeat_interleave(2, 2).repeat_interleave(2, 3)
    network = kind.load()
    if kind is FaceParser:
        assert network(images).shape == (2, len(PARTS), 128, 128)
    elif kind is EmbeddedDistance:
        assert network(images, fresh[1].images[:2]).max() < 0.02
    else:
        assert len(network(images).vectors if kind is EmbeddedIdentity else network(images)) == 2


@pytest.mark.parametrize("kind", ALL)
def test_damaged_and_missing_files_are_named(kind: type[Embedded], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"No weights file .*{kind.file}"):
        kind.load(tmp_path)
    content = (shipped.FOLDER / kind.file).read_bytes()
    (tmp_path / kind.file).write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=f"{kind.file}' is damaged"):
        kind.load(tmp_path)


def test_a_file_for_other_factors_is_refused(tmp_path: Path) -> None:
    parser = FaceParser()
    shipped.save(tmp_path / parser.file, parser, {"factors": ["a"], "parts": list(PARTS)})
    with pytest.raises(UserError, match="another version of the faces"):
        FaceParser.load(tmp_path)


@pytest.mark.parametrize("kind", ALL)
def test_files_are_small_and_have_a_card(kind: type[Embedded]) -> None:
    path = shipped.FOLDER / kind.file
    assert path.stat().st_size < 3_000_000
    card = path.with_suffix(".md").read_text("utf-8")
    for section in ("## Training", "## Quality", "Seed", "scripts/train_evaluators.py"):
        assert section in card
