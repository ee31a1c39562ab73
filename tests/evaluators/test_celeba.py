"""Reading the attributes of real faces, with made-up weights under the official names."""

from pathlib import Path

import pytest
import torch

from pipeline.datasets.celeba import ATTRIBUTE_PARTS, ATTRIBUTES
from pipeline.errors import UserError
from pipeline.evaluators.celeba import SIZE, CelebaAttributes, Scale, reduced
from pipeline.weights.registry import REGISTRY
from tests.evaluators.attribute_cases import (
    naive_classifier,
    pictures,
    random_classifier,
    write_classifier,
)

HERE = ("male", "smiling")


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A weights folder with two of the classifiers."""
    monkeypatch.setenv("PIPELINE_WEIGHTS", str(tmp_path))
    for seed, name in enumerate(HERE):
        write_classifier(tmp_path / REGISTRY[f"celeba_{name}"].file, random_classifier(seed=seed))
    return tmp_path


def test_every_attribute_has_parts() -> None:
    assert len(ATTRIBUTES) == 40 and all(ATTRIBUTE_PARTS.values())
    assert ATTRIBUTE_PARTS["smiling"] == ("mouth",) and "eyes" in ATTRIBUTE_PARTS["eyeglasses"]


def test_those_that_are_here_are_read(weights: Path) -> None:
    reader, images = CelebaAttributes.present(), pictures(3, SIZE)
    assert reader.names == reader.readable == HERE
    found = reader.log_odds(images)
    for column, seed in zip(found.T, range(2), strict=True):
        wanted = -2 * naive_classifier(random_classifier(seed=seed), images)
        torch.testing.assert_close(column.double(), wanted, rtol=1e-4, atol=1e-4)
    assert CelebaAttributes(["smiling"]).log_odds(images).shape == (3, 1)


def test_probabilities_are_the_metrics_own(weights: Path) -> None:
    images = pictures(2, SIZE)
    outputs = naive_classifier(random_classifier(seed=1), images)
    pair = torch.stack([outputs, -outputs], 1).softmax(1)
    found = CelebaAttributes(["smiling"]).probabilities(images)
    torch.testing.assert_close(found[:, 0].double(), pair[:, 1], rtol=1e-4, atol=1e-4)


def test_larger_images_are_averaged_down(weights: Path) -> None:
    images = pictures(2, SIZE)
    large = images.repeat_interleave(2, 2).repeat_interleave(2, 3)
    large[:, :, ::2] += 0.1
    large[:, :, 1::2] -= 0.1
    torch.testing.assert_close(reduced(large), images)
    reader = CelebaAttributes(HERE)
    torch.testing.assert_close(reader.log_odds(large), reader.log_odds(images))


def test_the_scale_standardises(weights: Path) -> None:
    reader, images = CelebaAttributes(HERE), pictures(6, SIZE)
    with pytest.raises(RuntimeError, match="scale of the attributes is not measured"):
        reader.standardised(images)
    before = reader.fingerprint
    reader.scale = Scale.of(reader.log_odds(images))
    read = reader.standardised(images)
    torch.testing.assert_close(read.mean(0), torch.zeros(2), rtol=0, atol=1e-4)
    torch.testing.assert_close(read.std(0), torch.ones(2), rtol=0, atol=1e-4)
    assert reader.fingerprint != before and len(reader.weights) == 16
    assert CelebaAttributes(HERE).fingerprint == before == reader.weights
    assert CelebaAttributes(["male"]).fingerprint != before


def test_what_is_read_first_in_inference_mode_has_gradients_later(weights: Path) -> None:
    reader = CelebaAttributes(["male"])
    with torch.inference_mode():
        reader.log_odds(pictures(1, SIZE))
    images = pictures(1, SIZE).requires_grad_()
    reader.log_odds(images).sum().backward()
    assert images.grad is not None and images.grad.abs().sum() > 0


def test_nothing_is_read_without_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPELINE_WEIGHTS", str(tmp_path))
    reader = CelebaAttributes.present()
    assert (reader.names, reader.fingerprint) == ((), "none")
    assert reader.standardised(pictures(3, 16)).shape == (3, 0)


def test_what_is_not_here_is_told_with_file_address_and_place(weights: Path) -> None:
    with pytest.raises(UserError) as error:
        CelebaAttributes(["smiling", "eyeglasses"])
    text, file = str(error.value), "celebahq-classifier-19-eyeglasses.pkl"
    assert f"no {file}" in text and str(weights / file) in text and "\n" not in text
    assert f"https://nvlabs-fi-cdn.nvidia.com/stylegan/networks/metrics/{file}" in text
    assert "fetch_weights.py celeba_eyeglasses" in text
    with pytest.raises(UserError, match="Unknown attribute 'smile'"):
        CelebaAttributes(["smile"])


def test_another_file_than_the_first_is_refused(weights: Path) -> None:
    path = weights / REGISTRY["celeba_male"].file
    assert CelebaAttributes(["male"]).weights
    write_classifier(path, random_classifier(seed=7))
    with pytest.raises(UserError, match=rf"{path.name} has the sha256 .* not .*: it is another"):
        _ = CelebaAttributes(["male"]).weights
