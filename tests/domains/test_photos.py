"""Real pictures: their reference set, who may judge them, and what is not known of them."""

from pathlib import Path

import PIL
import pytest
import torch
from PIL import Image

from pipeline.domains import photos
from pipeline.domains.auto import of_frame
from pipeline.domains.photos import Photos, open_photos
from pipeline.domains.procfaces import ProcFaces
from pipeline.errors import UserError
from pipeline.stages.inputs import Reference
from tests.datasets.pictures import encoded, folder_of, picture
from tests.generic import WaveGenerator

NAMES = [f"{i}.png" for i in range(5)]
GENERATOR = WaveGenerator(resolution=16)


class MeanColour:
    name, dim, fingerprint = "fid_mean", 3, "mean"

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        return images.mean(dim=(2, 3))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return folder_of(tmp_path / "pictures", NAMES)


@pytest.fixture(autouse=True)
def no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPELINE_WEIGHTS", str(tmp_path / "none"))


def test_reference_images_come_at_the_size_of_the_generator(folder: Path) -> None:
    domain = open_photos("folder", folder).suited(GENERATOR, None)
    images = torch.cat(list(domain.reference_images()))
    assert images.shape == (5, 3, 16, 16) and domain.reference_samples == 5
    assert "16 px" in domain.reference and "Pillow" in domain.reference
    given = open_photos("folder", folder, size=4).suited(GENERATOR, None)
    assert next(given.reference_images()).shape[-1] == 4


def test_some_of_the_images_are_drawn_by_the_seed(folder: Path) -> None:
    drawn = [
        open_photos("folder", folder, reference_samples=3, reference_seed=s) for s in (0, 0, 1)
    ]
    assert drawn[0].names == drawn[1].names == sorted(drawn[0].names)
    assert len(drawn[0].names) == 3 and drawn[0].names != drawn[2].names
    assert drawn[0].fingerprint == drawn[1].fingerprint != drawn[2].fingerprint
    with pytest.raises(UserError, match="has 5 images; give a number from 2 to 5"):
        open_photos("folder", folder, reference_samples=6)


def test_reference_statistics_are_kept_by_content_size_and_filter(folder: Path) -> None:
    def key(**options: object) -> str:
        domain = open_photos("folder", folder, **options).suited(GENERATOR, None)  # type: ignore[arg-type]
        return str(Reference(domain, MeanColour()).settings()["domain"])

    first = key()
    assert key() == first == key(size=16)
    assert len({first, key(size=8), key(filter="box")}) == 3
    (folder / "2.png").write_bytes(encoded(picture(99)))
    assert key() != first


def test_reference_statistics_are_those_of_the_images(folder: Path) -> None:
    domain = open_photos("folder", folder).suited(GENERATOR, None)
    seen: list[tuple[int, int]] = []
    found = Reference(domain, MeanColour()).compute(lambda *counts: seen.append(counts))
    features = MeanColour()(torch.cat(list(domain.reference_images()))).double()
    torch.testing.assert_close(found.mean, features.mean(0), rtol=0, atol=1e-6)
    assert found.n == 5 and seen == [(5, 5)]


def test_nobody_judges_without_official_weights(folder: Path) -> None:
    judges = open_photos("folder", folder, frame="ffhq").judges("auto", "auto", "auto")
    assert (judges.features, judges.identity, judges.distance) == (None, None, None)
    assert set(judges.notes) == {"fid", "id", "lpips"}
    assert all(text.startswith("left out: the weights") for text in judges.notes.values())


def test_the_reason_is_the_one_that_would_stay() -> None:
    notes = Photos().judges("auto", "auto", "none").notes
    assert "no reference images" in notes["fid"]
    assert "framed as 'none'" in notes["id"] and "dataset.frame=ffhq" in notes["id"]


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        (("inception", "none", "none"), "no reference images"),
        (("none", "recognition", "none"), "aligned as FFHQ's"),
        (("none", "none", "official"), "alexnet"),
        (("embedded", "none", "none"), "rendered faces alone"),
        (("none", "embedded", "none"), "rendered faces alone"),
        (("none", "none", "embedded"), "rendered faces alone"),
    ],
)
def test_what_is_asked_for_by_name_is_required(wishes: tuple[str, str, str], said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        Photos().judges(*wishes)
    assert "\n" not in str(caught.value)


def test_the_resizing_is_told_with_the_distance(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photos, "missing", lambda *_: None)
    monkeypatch.setattr(photos, "inception", MeanColour)
    domain = open_photos("folder", folder, filter="box").suited(GENERATOR, None)
    judges = domain.judges("auto", "none", "none")
    assert judges.features is not None and judges.features.name == "fid_mean"
    note = judges.notes["fid_mean"]
    assert note.startswith(f"official network; reference set: 5 images of {folder}, square")
    assert f"16 px by Pillow {PIL.__version__} box" in note


def test_no_part_and_no_attribute_is_known() -> None:
    domain = Photos()
    with pytest.raises(UserError, match="Nothing here finds the hair"):
        domain.part_ids(["hair"])
    with pytest.raises(UserError, match="attribute=smile: no attribute can be read"):
        domain.check_attribute("smile")
    assert domain.predictor.standardised(torch.zeros(3, 3, 4, 4)).shape == (3, 0)
    assert domain.parser.parse(torch.zeros(3, 3, 4, 5)).shape == (3, 4, 5)


def test_the_kind_of_a_dataset(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    with pytest.raises(UserError, match="Unknown dataset.kind 'foldr'"):
        open_photos("foldr", tmp_path)
    for kind in ("folder", "zip", "lmdb"):
        with pytest.raises(UserError, match=rf"dataset={kind} needs images"):
            open_photos(kind, None)


def test_auto_goes_by_what_the_generator_makes() -> None:
    faces = of_frame("procfaces", reference_samples=64)
    assert isinstance(faces, ProcFaces) and faces.reference_samples == 64
    assert of_frame("procfaces").reference_samples == 8192
    for made, frame in (("ffhq", "ffhq"), (None, "none")):
        domain = of_frame(made)
        assert domain.frame == frame and domain.reference_samples == 0
        assert domain.reference == "none" and list(domain.reference_images()) == []
    with pytest.raises(UserError, match=r"dataset\.reference_seed counts on"):
        of_frame("ffhq", reference_seed=3)


@pytest.mark.parametrize("makes", ["ffhq", None])
def test_the_embedded_domain_refuses_other_pictures(makes: str | None) -> None:
    with pytest.raises(UserError, match="judges rendered faces alone") as caught:
        ProcFaces(8).suited(GENERATOR, makes)
    assert "\n" not in str(caught.value) and str(makes or "not stated") in str(caught.value)
    domain = ProcFaces(8)
    assert domain.suited(GENERATOR, "procfaces") is domain
