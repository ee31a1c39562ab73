"""The embedded domain: reproducible, local, and correlated the way faces are."""

import pytest
import torch
from torch import Tensor

from pipeline.datasets.procfaces import (
    FACTORS,
    NAMES,
    PART_ID,
    PARTS,
    Factor,
    render,
    sample_factors,
)
from pipeline.datasets.procfaces import canvas as canvas_module
from pipeline.errors import UserError


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def faces(n: int, seed: int = 0) -> Tensor:
    return sample_factors(n, torch.Generator().manual_seed(seed))


def with_factor(factors: Tensor, **values: float) -> Tensor:
    changed = factors.clone()
    for name, value in values.items():
        changed[:, NAMES.index(name)] = value
    return changed


def column(factors: Tensor, name: str) -> Tensor:
    return factors[:, NAMES.index(name)]


def bare(n: int) -> Tensor:
    """Faces that look ahead with nothing that hides a part."""
    return with_factor(
        faces(n), bald=0, bangs=0, beard=0, glasses=0, hair_length=0.0, eye_open=0.8, mouth_open=0,
        yaw=0, pitch=0, roll=0, light_level=0.7,
    )  # fmt: skip


NEEDS = {
    "glasses_shape": {"glasses": 1.0},
    "glasses_color": {"glasses": 1.0},
}


def test_factors_are_well_formed() -> None:
    areas = {*PARTS, "face", "pose", "light"}
    assert len(set(NAMES)) == len(FACTORS)
    for factor in FACTORS:
        assert factor.low < factor.high
        assert set(factor.parts) <= areas
        assert factor.part == factor.parts[0]


def test_samples_are_reproducible_and_in_range() -> None:
    first, second = faces(200), faces(200)
    assert first.dtype == torch.float32
    assert torch.equal(first, second)
    assert not torch.equal(first, faces(200, seed=1))
    for factor, values in zip(FACTORS, first.unbind(1), strict=True):
        assert factor.low <= float(values.min()) and float(values.max()) <= factor.high, factor.name


@pytest.mark.parametrize(
    ("first", "second", "sign"),
    [
        ("age", "glasses", 1), ("age", "hair_grey", 1), ("age", "bald", 1),
        ("masculinity", "beard", 1), ("masculinity", "bald", 1), ("masculinity", "lipstick", -1),
        ("masculinity", "hair_length", -1), ("beard", "lipstick", -1),
        ("mouth_open", "smile", 1), ("smile", "eye_open", -1), ("eye_open", "brow_raise", 1),
    ],
)  # fmt: skip
def test_factors_occur_together_as_in_life(first: str, second: str, sign: int) -> None:
    population = faces(4000)
    pair = torch.stack([column(population, first), column(population, second)])
    assert sign * float(torch.corrcoef(pair)[0, 1]) > 0.1


def test_unrelated_factors_are_uncorrelated() -> None:
    population = faces(4000)
    pair = torch.stack([column(population, "yaw"), column(population, "background_hue")])
    assert abs(float(torch.corrcoef(pair)[0, 1])) < 0.06


@pytest.mark.parametrize(
    ("name", "rate"), [("glasses", 0.30), ("beard", 0.28), ("bald", 0.10), ("mouth_open", 0.40)]
)
def test_presence_rates(name: str, rate: float) -> None:
    values = column(faces(4000), name)
    assert float((values > 0).float().mean()) == pytest.approx(rate, abs=0.03)
    assert float(values[values > 0].min()) >= 0.25


def test_rendering_has_the_promised_form() -> None:
    rendering = render(faces(5))
    assert rendering.images.shape == (5, 3, 64, 64)
    assert rendering.images.dtype == torch.float32
    assert float(rendering.images.min()) >= -1 and float(rendering.images.max()) <= 1
    assert rendering.labels.shape == (5, 64, 64)
    assert rendering.labels.dtype == torch.uint8
    assert int(rendering.labels.max()) < len(PARTS)
    assert float(rendering.images.std()) > 0.2


def test_rendering_is_deterministic() -> None:
    factors = faces(3)
    first, second = render(factors), render(factors)
    assert torch.equal(first.images, second.images)
    assert torch.equal(first.labels, second.labels)


@pytest.mark.parametrize("n", [1, 15, 17])
def test_chunks_do_not_matter(n: int) -> None:
    factors = faces(n)
    single, many = render(factors, chunk=1), render(factors, chunk=16)
    assert torch.allclose(single.images, many.images, atol=1e-5)
    assert (single.labels != many.labels).float().mean() < 1e-4


def test_images_can_be_trained_on() -> None:
    weight = torch.ones(1, 3, 1, 1, requires_grad=True)
    total = torch.nn.functional.conv2d(render(faces(1)).images, weight).sum()
    assert bool(torch.autograd.grad(total, weight)[0].isfinite().all())


def test_no_faces_is_an_empty_rendering() -> None:
    assert render(faces(0)).images.shape == (0, 3, 64, 64)


def test_larger_images_show_the_same_face() -> None:
    small = render(faces(4))
    large = render(faces(4), size=128, supersample=1)
    shrunk = torch.nn.functional.avg_pool2d(large.images, 2)
    assert torch.allclose(small.images, shrunk, atol=1e-5)


def test_wrong_width_is_a_user_error() -> None:
    with pytest.raises(UserError, match=str(len(NAMES))):
        render(torch.zeros(2, 3))


def test_every_face_has_every_feature() -> None:
    labels = render(faces(96)).labels
    for name, least in {"skin": 150, "nose": 8, "eyes": 15, "brows": 8, "mouth": 8}.items():
        counts = (labels == PART_ID[name]).sum(dim=(1, 2))
        assert int(counts.min()) >= least, name


@pytest.mark.parametrize("factor", FACTORS, ids=lambda factor: factor.name)
def test_a_factor_shows_in_its_parts(factor: Factor) -> None:
    base = with_factor(bare(4), **NEEDS.get(factor.name, {}))
    low = render(with_factor(base, **{factor.name: factor.low}))
    high = render(with_factor(base, **{factor.name: factor.high}))
    change = (low.images - high.images).abs().mean(dim=1)
    assert float(change.amax(dim=(1, 2)).min()) > 0.1
    if set(factor.parts) & {"face", "pose", "light"}:
        return
    inside = torch.zeros_like(change, dtype=torch.bool)
    for part in factor.parts:
        inside |= (low.labels == PART_ID[part]) | (high.labels == PART_ID[part])
    assert float(change[inside].mean()) > 8 * float(change[~inside].mean())


@pytest.mark.parametrize("name", ["mouth_open", "smile", "gaze_x", "eye_open", "lipstick"])
def test_expressions_leave_the_rest_untouched(name: str) -> None:
    base = bare(4)
    factor = FACTORS[NAMES.index(name)]
    low = render(with_factor(base, **{name: factor.low}))
    high = render(with_factor(base, **{name: factor.high}))
    change = (low.images - high.images).abs().amax(dim=(0, 1))
    region = (low.labels == PART_ID[factor.part]) | (high.labels == PART_ID[factor.part])
    near = torch.nn.functional.max_pool2d(region.any(dim=0).float()[None], 9, 1, 4)[0] > 0
    assert float(change[~near].max()) < 1e-3


def test_windows_reach_as_far_as_their_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    factors = faces(24, seed=3)
    for index, name in enumerate(("yaw", "pitch", "roll")):
        signs = torch.tensor([(-1.0) ** (face >> index) for face in range(24)])
        factors[:, NAMES.index(name)] = signs
    windowed = render(factors)
    whole = canvas_module.WINDOWS["all"]
    for name in set(canvas_module.WINDOWS) - {"body"}:  # the neck is a column without a top
        monkeypatch.setitem(canvas_module.WINDOWS, name, whole)
    assert torch.allclose(windowed.images, render(factors).images, atol=2e-3)
