"""StarGAN and AttGAN as methods: edits, strengths, files, and what is refused before any work."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.checkpoints.own import save_own
from pipeline.methods.edits import Edits
from pipeline.methods.translation import Translation
from pipeline.methods.translation_edit import TranslationEdit
from pipeline.regions.box import Box
from tests.generators.networks import small_network
from tests.generic import WaveGenerator
from tests.methods.labelling import Brightness, Scenes
from tests.translators.small import ATTGAN, STARGAN, small

NETWORK = small_network(dtype=torch.float32)
CODES = NETWORK.sample(4, torch.Generator().manual_seed(9))
BOX = Box("box", [0.5, 0.5], [0.5, 0.5])


class Centred(Brightness):
    """Half of the codes' pictures are above its mean."""

    def standardised(self, images: Tensor) -> Tensor:
        return super().standardised(images) + 5.7


class Dim(Scenes):
    """A domain of dark pictures."""

    predictor = Centred()


@pytest.fixture(params=[STARGAN, ATTGAN])
def weights(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    network = small(request.param)
    path = tmp_path / f"{network.name}.safetensors"
    save_own(network, path, {})
    return path


def made(weights: Path, **options: Any) -> Translation:
    settings = {"name": weights.stem, "weights": str(weights), "attribute": "top"} | options
    method = Translation(**settings)
    method.reader = Dim()
    return method


def edit_of(weights: Path, **options: Any) -> TranslationEdit:
    edit = made(weights, **options).discover(NETWORK, CODES, BOX)[0]
    assert isinstance(edit, TranslationEdit)
    return edit


def test_the_vector_starts_from_what_a_picture_has(weights: Path) -> None:
    edit, images = edit_of(weights), NETWORK.render(CODES)
    read = Dim.predictor.standardised(images.clamp(-1, 1))[:, 2]
    labels = edit.labels(images)
    assert torch.equal(labels[:, 0], (read > 0).float())
    assert labels[:, 0].unique().tolist() == [0, 1]
    assert labels[:, 1].tolist() == [0.5] * 4  # nobody reads it


def test_the_strength_is_added_to_the_entry_of_the_attribute(weights: Path) -> None:
    edit, images = edit_of(weights), NETWORK.render(CODES)
    network, labels = edit.network(), edit.labels(images)
    for strength in (1.0, 0.25, -1.5):
        moved = labels + torch.tensor([strength, 0.0])
        expected = network(images.clamp(-1, 1), network.vectors(moved))
        torch.testing.assert_close(edit.apply(NETWORK, CODES, strength), expected)


def test_a_strength_of_zero_does_not_translate_at_all(weights: Path) -> None:
    edit, images = edit_of(weights), NETWORK.render(CODES)
    assert torch.equal(edit.apply(NETWORK, CODES, 0.0), images)
    mixed = edit.apply(NETWORK, CODES, [0.0, 1.0, 0.0, -1.0])
    assert torch.equal(mixed[[0, 2]], images[[0, 2]])
    torch.testing.assert_close(mixed[1:2], edit.apply(NETWORK, CODES[1:2], 1.0))
    least = edit.apply(NETWORK, CODES, 1e-6)
    assert (least - images).abs().max() > 1e-2  # a translation to what it is already


def test_it_is_differentiable_in_the_strength(weights: Path) -> None:
    edit, strength = edit_of(weights), torch.tensor(0.5, requires_grad=True)
    edit.apply(NETWORK, CODES, strength).square().sum().backward()
    assert strength.grad is not None
    assert strength.grad.abs() > 0


def test_there_is_an_edit_of_every_attribute_or_of_one(weights: Path) -> None:
    found = made(weights, attribute=None).discover(NETWORK, CODES, BOX)
    assert [edit.name for edit in found] == [f"{weights.stem}/top", f"{weights.stem}/bald"]
    assert found.notes["labeller"] == "brightness"
    assert len(made(weights).discover(NETWORK, CODES, BOX)) == 1


def test_edits_survive_their_file_but_for_who_reads(weights: Path, tmp_path: Path) -> None:
    edits = made(weights).discover(NETWORK, CODES, BOX)
    edits.save(tmp_path / "edits.safetensors")
    loaded = Edits.load(tmp_path / "edits.safetensors")
    with pytest.raises(UserError, match="give it a reader"):
        loaded[0].apply(NETWORK, CODES, 1.0)
    see(loaded)
    expected: Tensor = edits[0].apply(NETWORK, CODES, 1.0)
    assert torch.equal(loaded[0].apply(NETWORK, CODES, 1.0), expected)
    save_own(small(STARGAN if "star" in weights.stem else ATTGAN, seed=5), weights, {})
    again = Edits.load(tmp_path / "edits.safetensors")[0]
    assert isinstance(again, TranslationEdit)
    with pytest.raises(UserError, match="discover it again"):
        again.network()


def test_the_store_tells_translators_and_readers_apart(weights: Path) -> None:
    networks = made(weights).networks()
    assert networks["translator"].fingerprint == edit_of(weights).translator  # type: ignore[attr-defined]
    assert networks["labeller"] is Dim.predictor


def see(edits: Edits) -> None:
    """As :mod:`pipeline.discovering` does."""
    for edit in edits:
        edit.see(Dim())


def refusal(method: Translation, generator: Any = NETWORK) -> str:
    with pytest.raises(UserError) as error:
        method.check(generator, BOX)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_what_cannot_work_is_one_line(weights: Path) -> None:
    assert "pictures of 16 pixels" in refusal(made(weights), WaveGenerator(resolution=8))
    assert "attribute=top?" in refusal(made(weights, attribute="tap"))
    elsewhere = made(weights)
    elsewhere.reader = type("Photographs", (Dim,), {"name": "photos"})()
    assert "was trained on procfaces" in refusal(elsewhere)
    assert "no such file" in refusal(made(weights.with_name("stargan")))
    with pytest.raises(UserError, match="method.resolution=0"):
        made(weights, resolution=0)
