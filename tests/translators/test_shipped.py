"""The shipped translators: their files, their cards, and that they do what they say."""

import pytest
import torch

from pipeline.evaluators.embedded import AttributeRegressor
from pipeline.generators.weights import ASSETS, read_generator
from pipeline.training.conditional_card import check_provenance
from pipeline.training.translation_quality import faces, read_labels
from pipeline.translators.files import load_translator

KINDS = ("stargan", "attgan")
TABLE2 = ("masculinity", "age", "glasses", "smile")


@pytest.mark.parametrize("kind", KINDS)
def test_file_and_card(kind: str) -> None:
    path = ASSETS / f"{kind}_procfaces.safetensors"
    network = load_translator(path.name, kind)
    assert path.stat().st_size < 4e6
    assert set(TABLE2) <= set(network.config.attributes)
    assert (network.config.resolution, network.config.domain) == (64, "procfaces")
    told = read_generator(path).provenance
    check_provenance(told)
    card = path.with_suffix(".md").read_text()
    assert f"Images shown: {told['images']}." in card
    for part in (*TABLE2, "## Training", "## Quality", told["command"], told["exported_by"]):
        assert part in card


@pytest.mark.parametrize("kind", KINDS)
def test_every_attribute_is_given_to_those_that_lack_it(kind: str) -> None:
    network, regressor = load_translator(f"{kind}_procfaces.safetensors", kind), _regressor()
    images = faces(48, 5, 64)
    labels = read_labels(network, images, regressor)
    for column, name in enumerate(network.config.attributes):
        rows = labels[:, column] == 0
        wanted = labels[rows].clone()
        wanted[:, column] = 1
        with torch.inference_mode():
            edited = network(images[rows], network.vectors(wanted))
            change = regressor.standardised(edited) - regressor.standardised(images[rows])
        assert float(change[:, regressor.names.index(name)].mean()) > 0.1, name


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_asked_for_stays_about_the_same(kind: str) -> None:
    network, regressor = load_translator(f"{kind}_procfaces.safetensors", kind), _regressor()
    images = faces(24, 6, 64)
    with torch.inference_mode():
        kept = network(images, network.vectors(read_labels(network, images, regressor)))
    others = images.roll(1, 0)
    assert float((kept - images).square().mean()) < 0.1 * float((others - images).square().mean())


def _regressor() -> AttributeRegressor:
    return AttributeRegressor.load()
