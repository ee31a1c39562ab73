"""Translators and critics: shapes, names, range, and what the vector does."""

import pytest
import torch

from pipeline.errors import UserError
from pipeline.generators.checkpoints.hollow import Hollow
from pipeline.translators.attgan import AttGAN, AttGANConfig
from pipeline.translators.critics import PatchCritic, WholeCritic
from pipeline.translators.forms import CELEBA
from pipeline.translators.stargan import StarGAN, StarGANConfig
from tests.translators.small import ATTGAN, STARGAN, pictures, small

CONFIGS = [STARGAN, ATTGAN]


def test_the_published_stargan_has_its_names_and_its_number_of_weights() -> None:
    with Hollow():
        network = StarGAN(
            StarGANConfig(attributes=CELEBA[5], resolution=128, domain="photos")
        )  # fmt: skip
    shapes = {name: tuple(p.shape) for name, p in network.named_parameters()}
    assert shapes["main.0.weight"] == (64, 8, 7, 7)
    assert shapes["main.6.weight"] == (256, 128, 4, 4)
    assert shapes["main.9.main.0.weight"] == shapes["main.14.main.3.weight"] == (256, 256, 3, 3)
    assert shapes["main.15.weight"] == (256, 128, 4, 4)
    assert shapes["main.21.weight"] == (3, 64, 7, 7)
    assert sum(p.numel() for p in network.parameters()) == 8_430_528  # as its release prints


def test_the_published_attgan_has_its_names() -> None:
    with Hollow():
        network = AttGAN(
            AttGANConfig(attributes=CELEBA[13], resolution=256, domain="photos")
        )  # fmt: skip
    shapes = {name: tuple(p.shape) for name, p in network.named_parameters()}
    assert shapes["enc_layers.0.layers.0.weight"] == (64, 3, 4, 4)
    assert shapes["enc_layers.4.layers.1.bias"] == (1024,)
    assert shapes["dec_layers.0.layers.0.weight"] == (1024 + 13, 1024, 4, 4)
    assert shapes["dec_layers.1.layers.0.weight"] == (1024 + 512 + 13, 512, 4, 4)
    assert shapes["dec_layers.2.layers.0.weight"] == (512, 256, 4, 4)
    assert shapes["dec_layers.4.layers.0.weight"] == (128, 3, 4, 4)
    assert shapes["dec_layers.4.layers.0.bias"] == (3,)
    assert "dec_layers.0.layers.0.bias" not in shapes


@pytest.mark.parametrize("config", CONFIGS)
def test_pictures_keep_their_shape_and_lie_in_range(config: StarGANConfig | AttGANConfig) -> None:
    network, images = small(config), 5 * pictures()
    translated = network(images, network.vectors(torch.rand(3, 2)))
    assert translated.shape == images.shape
    assert translated.abs().max() <= 1
    assert translated.std() > 0.01


@pytest.mark.parametrize("config", CONFIGS)
def test_every_entry_of_the_vector_counts(config: StarGANConfig | AttGANConfig) -> None:
    network, images, labels = small(config), pictures(), torch.zeros(3, 2)
    plain = network(images, network.vectors(labels))
    for column in range(2):
        moved = labels.clone()
        moved[1, column] = 1
        changed = (network(images, network.vectors(moved)) - plain).abs().amax((1, 2, 3))
        assert changed[1] > 1e-3
        torch.testing.assert_close(changed[[0, 2]], torch.zeros(2))


def test_labels_become_the_numbers_of_training() -> None:
    labels = torch.tensor([[0.0, 1.0], [0.5, 2.0]])
    assert torch.equal(small(STARGAN).vectors(labels), labels)
    assert torch.equal(small(ATTGAN).vectors(labels), labels - 0.5)


def test_shortcuts_and_injections_can_be_left_out() -> None:
    bare = AttGANConfig(
        attributes=("a",), resolution=16, domain="x", channels=4, layers=3, shortcuts=0,
        injections=0,
    )  # fmt: skip
    images = pictures()
    assert AttGAN(bare).eval()(images, torch.zeros(3, 1)).shape == images.shape
    both = AttGANConfig(
        attributes=("a",), resolution=16, domain="x", channels=4, layers=3, shortcuts=2,
        injections=2,
    )  # fmt: skip
    assert AttGAN(both).dec_layers[2].layers[0].in_channels == 8 + 4 + 1  # type: ignore[index, union-attr]


def test_a_translator_is_told_by_weights_and_architecture() -> None:
    assert small(STARGAN).fingerprint == small(STARGAN).fingerprint
    assert len({small(STARGAN, seed).fingerprint for seed in range(2)}) == 2
    with pytest.raises(UserError, match="attribute=bald?"):
        small(STARGAN).column("bold")


def test_critics_score_and_classify() -> None:
    score, logits = PatchCritic(2, 4, 3, 16)(pictures())
    assert (score.shape, logits.shape) == ((3, 4), (3, 2))
    score, logits = WholeCritic(2, 4, 3, 16)(pictures())
    assert (score.shape, logits.shape) == ((3, 1), (3, 2))
