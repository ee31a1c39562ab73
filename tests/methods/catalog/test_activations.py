"""What is clustered: normalised features, and which of them a style scales."""

from collections.abc import Callable

import pytest
import torch

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Generator, Space
from pipeline.methods.catalog.activations import (
    CONSTANT,
    feature_layers,
    features,
    features_and_images,
    images_at_once,
    styled_features,
)
from tests.generators.networks import small_network
from tests.generic import WaveGenerator
from tests.methods.catalog.networks import small_pggan, small_stylegan

NETWORKS: dict[str, Callable[[], Generator]] = {
    "stylegan2": small_network,
    "stylegan": small_stylegan,
    "pggan": small_pggan,
}


def codes_of(generator: Generator, n: int = 3) -> Codes:
    codes = generator.sample(n, torch.Generator().manual_seed(1))
    return codes.with_values(codes.values.double())


@pytest.mark.parametrize("kind", NETWORKS)
def test_features_have_zero_mean_and_unit_variance_in_every_image(kind: str) -> None:
    generator = NETWORKS[kind]()
    for layer, values in features(
        generator, codes_of(generator), ["b8.conv0", "b16.conv1"]
    ).items():
        assert values.shape[-1] == int(layer.split(".")[0][1:])
        torch.testing.assert_close(values.mean((2, 3)), torch.zeros_like(values[:, :, 0, 0]))
        variances = values.square().mean((2, 3))
        torch.testing.assert_close(variances, torch.ones_like(variances), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", NETWORKS)
def test_looking_at_a_part_sees_what_the_whole_shows(kind: str) -> None:
    generator = NETWORKS[kind]()
    codes = codes_of(generator)
    early = features(generator, codes, ["b8.conv0"])
    whole, images = features_and_images(generator, codes, ["b8.conv0"])
    torch.testing.assert_close(early, whole)
    torch.testing.assert_close(images, generator.render(codes).clamp(-1, 1))


def test_a_style_of_stylegan2_scales_the_features_before_it() -> None:
    """Scaling one input channel of a layer by its style is what the layer sees."""
    generator = small_network()
    sources = styled_features(generator)
    assert sources["b4.conv1"] == CONSTANT
    assert sources["b8.conv0"] == sources["b4.torgb"] == "b4.conv1"
    assert sources["b16.torgb"] == "b16.conv1"
    seen = features(generator, codes_of(generator), list(dict.fromkeys(sources.values())))
    for layer, source in sources.items():
        part = generator.style_slices[layer]
        assert seen[source].shape[1] == part.stop - part.start


def test_a_style_of_stylegan_scales_its_own_instance_norm() -> None:
    generator = small_stylegan()
    assert all(layer == source for layer, source in styled_features(generator).items())
    codes = codes_of(generator)
    inside = {}

    def hook(name: str, x: torch.Tensor) -> torch.Tensor:
        inside[name] = x
        return x

    generator.render(codes, hook=hook)
    found = features(generator, codes, ["b8.conv1"])["b8.conv1"]
    torch.testing.assert_close(found, inside["b8.conv1.norm"])
    part = generator.style_slices["b8.conv1"]
    styles = generator.convert(codes, Space.S).values[:, part, None, None]
    scale, offset = styles.chunk(2, dim=1)
    torch.testing.assert_close(found * (scale + 1) + offset, inside["b8.conv1"])


def test_pggan_has_features_but_no_styles() -> None:
    generator = small_pggan()
    assert feature_layers(generator)[:2] == ("b4.conv0", "b4.conv1")
    with pytest.raises(UserError, match="analysis only"):
        styled_features(generator)


def test_other_generators_and_layers_are_refused() -> None:
    with pytest.raises(UserError, match="generator=waves"):
        feature_layers(WaveGenerator())
    generator = small_network()
    with pytest.raises(UserError, match="Did you mean layer=b16.conv"):
        features(generator, codes_of(generator), ["b16.conv"])
    with pytest.raises(UserError, match="layer"):
        features(small_stylegan(), codes_of(small_stylegan()), [CONSTANT])


def test_large_images_come_in_small_batches() -> None:
    generator = small_network()
    assert images_at_once(generator) == 64
    generator.resolution = 1024
    assert images_at_once(generator) == 2
