"""Copying a region: what is copied, where, and how much; and what every method must do."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.base import Codes
from pipeline.methods.blending import BlendingEdit, Mask, clusters_place, fixed_place
from pipeline.methods.catalog.catalog import Catalog
from pipeline.methods.edits import Edits
from pipeline.methods.feature_blending import FeatureBlending, FeatureBlendingEdit
from pipeline.methods.poisson import poisson_blend
from pipeline.methods.poisson_blending import PoissonBlending, PoissonBlendingEdit
from pipeline.regions.box import Box
from pipeline.regions.region import Region
from tests.generators.networks import small_network
from tests.generic import WaveGenerator

NETWORK = small_network()
BOX = Box("box", [0.5, 0.5], [0.5, 0.5])
EVERYWHERE = Box("all", [0.5, 0.5], [1, 1])


def codes(seed: int, n: int = 3) -> Codes:
    drawn = NETWORK.sample(n, torch.Generator().manual_seed(seed))
    return drawn.with_values(drawn.values.double())


TARGETS, REFERENCES = codes(0), codes(1)


def catalog() -> Catalog:
    """Three clusters of the 8 x 8 layer, one of them called a part."""
    random = torch.Generator().manual_seed(0)
    centroids = torch.nn.functional.normalize(torch.randn(3, 6, generator=random).double())
    return Catalog(
        generator=NETWORK.name,
        fingerprint=NETWORK.fingerprint,
        layer="b8.conv1",
        centroids=centroids,
        samples=0,
        seed=0,
        similarity=0.0,
        labels={"part": (0, 2)},
    )


def features(region: Region, up_to: int) -> BlendingEdit:
    return FeatureBlendingEdit(**fixed_place("features", NETWORK, region), up_to=up_to)


PART = clusters_place("blend", NETWORK, catalog(), "part", (0, 2))
EDITS = [
    features(BOX, 8),
    FeatureBlendingEdit(**PART, up_to=16),
    PoissonBlendingEdit(**fixed_place("blend", NETWORK, BOX)),
    PoissonBlendingEdit(**PART),
]
every_edit = pytest.mark.parametrize("edit", EDITS, ids=lambda e: f"{e.name} {e.layer}")


@every_edit
def test_strength_zero_is_the_target_and_a_reference_like_it_changes_nothing(
    edit: BlendingEdit,
) -> None:
    target = NETWORK.render(TARGETS)
    if isinstance(edit, PoissonBlendingEdit):
        target = target.clamp(-1, 1)
    assert torch.equal(edit.apply(NETWORK, TARGETS, 0, REFERENCES), target)
    torch.testing.assert_close(edit.apply(NETWORK, TARGETS, 1, TARGETS), target)
    assert not torch.allclose(edit.apply(NETWORK, TARGETS, 1, REFERENCES), target)


@every_edit
def test_one_reference_serves_all_targets(edit: BlendingEdit) -> None:
    one = edit.apply(NETWORK, TARGETS, 0.7, REFERENCES[:1])
    each = edit.apply(NETWORK, TARGETS, 0.7, REFERENCES[torch.tensor([0, 0, 0])])
    torch.testing.assert_close(one, each)


@every_edit
def test_it_needs_a_reference_that_fits(edit: BlendingEdit) -> None:
    assert edit.needs_reference
    with pytest.raises(UserError, match="copies from a reference"):
        edit.apply(NETWORK, TARGETS, 1)
    with pytest.raises(UserError, match="3 images and 2 references"):
        edit.apply(NETWORK, TARGETS, 1, REFERENCES[:2])


@every_edit
def test_survives_its_file(edit: BlendingEdit, tmp_path: Path) -> None:
    about = ("blend", NETWORK.name, NETWORK.fingerprint, "part", 0)
    names = ("method", "generator", "fingerprint", "region", "seed")
    Edits(edits=(edit,), **dict(zip(names, about, strict=True))).save(tmp_path / "e.safetensors")
    loaded = Edits.load(tmp_path / "e.safetensors")[0]
    assert loaded.settings() == edit.settings()
    images = [e.apply(NETWORK, TARGETS, 1, REFERENCES) for e in (edit, loaded)]
    torch.testing.assert_close(images[0], images[1])


def test_features_of_the_whole_image_up_to_the_last_layer_are_the_reference() -> None:
    edit = features(EVERYWHERE, 16)
    copied = edit.apply(NETWORK, TARGETS, 1, REFERENCES)
    torch.testing.assert_close(copied, NETWORK.render(REFERENCES))


def test_features_of_coarse_layers_leave_the_fine_styles_to_the_target() -> None:
    coarse = features(EVERYWHERE, 8)
    copied = coarse.apply(NETWORK, TARGETS, 1, REFERENCES)
    seen: dict[str, Tensor] = {}

    def record(name: str, x: Tensor) -> Tensor:
        seen[name] = x
        return x

    NETWORK.render(REFERENCES, hook=record)

    def replace(name: str, x: Tensor) -> Tensor:
        return seen[name] if name.startswith(("b4.", "b8.")) else x

    torch.testing.assert_close(copied, NETWORK.render(TARGETS, hook=replace))


def test_a_layer_sees_the_mask_averaged_over_its_pixels() -> None:
    """A box of 4 x 4 pixels in the middle of 16 x 16 is a quarter of four pixels of 4 x 4."""
    small = Box("small", [0.5, 0.5], [0.25, 0.25])
    edit = features(small, 4)
    seen: dict[str, Tensor] = {}

    def record(name: str, x: Tensor) -> Tensor:
        seen[name] = x
        return x

    NETWORK.render(REFERENCES, hook=record)
    share = torch.zeros(4, 4)
    share[1:3, 1:3] = 0.25

    def mix(name: str, x: Tensor) -> Tensor:
        return x + share * (seen[name] - x) if name.startswith("b4.") else x

    copied = edit.apply(NETWORK, TARGETS, 1, REFERENCES)
    torch.testing.assert_close(copied, NETWORK.render(TARGETS, hook=mix))


def test_poisson_blending_is_that_of_the_pictures() -> None:
    edit = PoissonBlendingEdit(**PART)
    target, source = (NETWORK.render(c).clamp(-1, 1) for c in (TARGETS, REFERENCES))
    masks = catalog().masks(NETWORK, TARGETS, "part")
    whole = poisson_blend(target, source, masks)
    half = edit.apply(NETWORK, TARGETS, 0.5, REFERENCES)
    torch.testing.assert_close(half, (target + whole) / 2)
    outside = masks[:, None].expand_as(target) == 0
    assert torch.equal(half[outside], target[outside])


@pytest.mark.parametrize("method", [FeatureBlending(up_to=8), PoissonBlending()])
def test_the_methods_edit_a_fixed_region(method: FeatureBlending | PoissonBlending) -> None:
    method.check(NETWORK, BOX)
    seen: list[tuple[int, int]] = []
    edits = method.discover(NETWORK, TARGETS, BOX, progress=lambda *n: seen.append(n))
    assert [e.name for e in edits] == [f"{method.name}/box"]
    assert edits.notes["mask"] == "the target's: the region"
    assert seen == [(1, 1)]


def test_what_cannot_be_blended_is_refused() -> None:
    with pytest.raises(UserError, match="use a StyleGAN"):
        FeatureBlending().check(WaveGenerator(), BOX)
    PoissonBlending().check(WaveGenerator(), BOX)
    with pytest.raises(UserError, match="up_to=2"):
        FeatureBlending(up_to=2)
    with pytest.raises(UserError, match="Did you mean method.mask=region"):
        FeatureBlending(mask="regoin")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="semantic catalog"):
        PoissonBlending(mask=Mask.CATALOG).check(WaveGenerator(), BOX)
    with pytest.raises(UserError, match="up to 1"):
        PoissonBlending().check_strengths([0.5, 1.5])


@pytest.mark.parametrize("region", [Box("part", [0.5, 0.5], [0.5, 0.5]), EVERYWHERE])
def test_a_catalog_says_where_a_region_is_in_every_target(region: Region) -> None:
    """By its name, or by its place: everything lies in the whole image."""
    method = PoissonBlending(mask=Mask.CATALOG, prepared=catalog())
    assert method.looks_up(region)
    assert not PoissonBlending().looks_up(region)
    if region is EVERYWHERE:
        (edit,) = method.discover(NETWORK, TARGETS, region)
        assert isinstance(edit, BlendingEdit) and edit.clusters == (0, 1, 2)
        return
    (edit,) = method.discover(NETWORK, TARGETS, region)
    expected = PoissonBlendingEdit(**PART).apply(NETWORK, TARGETS, 1, REFERENCES)
    torch.testing.assert_close(edit.apply(NETWORK, TARGETS, 1, REFERENCES), expected)
