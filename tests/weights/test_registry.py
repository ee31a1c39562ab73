"""Every registered file is described well enough to be fetched, cited and verified."""

from pathlib import Path

import pytest

from pipeline.weights.attributes import CLASSIFIERS
from pipeline.weights.evaluators import EVALUATORS
from pipeline.weights.generators import GENERATORS
from pipeline.weights.registry import GROUPS, REGISTRY

CONF = Path(__file__).parents[2] / "conf" / "generator"


@pytest.mark.parametrize("name", list(REGISTRY))
def test_a_file_is_described(name: str) -> None:
    entry = REGISTRY[name]
    assert entry.what and entry.licence and entry.citation
    assert entry.addresses or entry.origin
    assert all(address.startswith("https://") for address in entry.addresses)
    assert Path(entry.file).name == entry.file
    if entry.sha256 is not None:
        assert len(bytes.fromhex(entry.sha256)) == 32
    if "torchvision" in entry.licence:  # torch names its files by the start of the checksum
        assert entry.sha256 and Path(entry.file).stem.endswith(entry.sha256[:8])


def test_no_two_files_share_a_name() -> None:
    assert len(GENERATORS) + len(EVALUATORS) + len(CLASSIFIERS) == len(REGISTRY)
    files = [entry.file for entry in REGISTRY.values()]
    assert len(set(files)) == len(files)


def test_every_generator_has_a_configuration_of_its_name() -> None:
    assert {f"{name}.yaml" for name in GENERATORS} <= {path.name for path in CONF.iterdir()}


def test_sizes_are_for_people() -> None:
    assert REGISTRY["stylegan2_ffhq"].size == "382 MB"
    assert REGISTRY["mobilefacenet"].size == "4 MB"
    assert REGISTRY["stylegan2_cat"].size == "?"


def test_the_classifiers_have_their_official_names() -> None:
    files = [entry.file for entry in CLASSIFIERS.values()]
    assert (len(files), files[0]) == (40, "celebahq-classifier-00-male.pkl")
    assert REGISTRY["celeba_5_o_clock_shadow"].file == "celebahq-classifier-05-5-o-clock-shadow.pkl"
    assert REGISTRY["celeba_eyeglasses"].file == "celebahq-classifier-19-eyeglasses.pkl"
    assert files[-1] == "celebahq-classifier-39-wearing-necktie.pkl"
    assert GROUPS["celeba_attributes"] == tuple(CLASSIFIERS)
