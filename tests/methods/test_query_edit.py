"""The edit itself: styles of the render, the options, and what is refused."""

from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Generator, Space
from pipeline.methods.edits import Edits
from pipeline.methods.query_edit import Interpolation, QueryEdit, layer_budgets, query_edit
from tests.generators.networks import small_network
from tests.methods.catalog.catalogs import small_catalog
from tests.methods.catalog.networks import small_stylegan

GENERATOR = small_network(dtype=torch.float32)
CATALOG = small_catalog(GENERATOR)


def codes_of(n: int = 3, seed: int = 1, generator: Generator = GENERATOR) -> Codes:
    return generator.sample(n, torch.Generator().manual_seed(seed))


def edit_of(**options: Any) -> QueryEdit:
    settings: dict[str, Any] = {"epsilon": 1.0, "threshold": 0.2} | options
    return query_edit(GENERATOR, CATALOG, "dark", **settings)


def test_strength_zero_changes_nothing() -> None:
    codes = codes_of()
    for kind in Interpolation:
        images = edit_of(interpolation=kind).apply(GENERATOR, codes, 0.0, codes_of(seed=2))
        torch.testing.assert_close(images, GENERATOR.render(codes))


def test_a_global_query_ends_at_the_reference() -> None:
    reference = codes_of(seed=2)
    images = edit_of(interpolation="global").apply(GENERATOR, codes_of(), 1.0, reference)
    torch.testing.assert_close(images, GENERATOR.render(reference))


def test_only_styles_of_the_query_move() -> None:
    codes, reference, edit = codes_of(), codes_of(seed=2), edit_of()
    target, other = (GENERATOR.convert(c, Space.S).values for c in (codes, reference))
    assert 0 < int(edit.query.sum()) < len(edit.query)
    mixed = torch.where(edit.query > 0, torch.lerp(target, other, 0.5), target)
    found = edit.apply(GENERATOR, codes, 0.5, reference)
    torch.testing.assert_close(found, GENERATOR.render(Codes(Space.S, mixed)))


def test_one_strength_per_image_and_one_reference_for_all() -> None:
    codes, reference, edit = codes_of(), codes_of(1, seed=2), edit_of()
    strengths = [0.0, 0.5, 1.0]
    together = edit.apply(GENERATOR, codes, strengths, reference)
    for i, strength in enumerate(strengths):
        alone = edit.apply(GENERATOR, codes[i : i + 1], strength, reference)
        torch.testing.assert_close(together[i : i + 1], alone)


def test_codes_of_any_space_do() -> None:
    codes, reference, edit = codes_of(), codes_of(seed=2), edit_of()
    inverted = GENERATOR.convert(codes, Space.W_PLUS)
    torch.testing.assert_close(
        edit.apply(GENERATOR, inverted, 0.7, GENERATOR.convert(reference, Space.W)),
        edit.apply(GENERATOR, codes, 0.7, reference),
    )


def test_simultaneous_queries_are_the_contributions() -> None:
    edit = edit_of(interpolation="simultaneous")
    ids = CATALOG.clusters_of("dark")
    for layer, part in GENERATOR.style_slices.items():
        wanted = CATALOG.contributions.of(layer, ids).float()
        torch.testing.assert_close(edit.query[part], wanted)
    images = edit.apply(GENERATOR, codes_of(), 1e6, codes_of(seed=2))
    torch.testing.assert_close(images, GENERATOR.render(codes_of(seed=2)))


def test_to_rgb_stays_where_asked() -> None:
    edit = edit_of(interpolation="global", to_rgb=False)
    for layer, part in GENERATOR.style_slices.items():
        assert float(edit.query[part].max()) == (0 if layer.endswith("torgb") else 1)


def test_budgets_per_layer() -> None:
    assert layer_budgets(2, 3) == (2, 2, 2)
    assert layer_budgets([5, 1], 4) == (5, 1, 1, 1)
    edit = edit_of(epsilon=[0.0, 0.0, 9.0], threshold=0.0)
    layers = list(GENERATOR.style_slices.values())
    assert float(edit.query[layers[0]].sum() + edit.query[layers[1]].sum()) == 0
    assert float(edit.query[layers[2]].sum()) > 0
    for wrong in ([], [1] * 9, -1.0):
        with pytest.raises(UserError, match="epsilon"):
            edit_of(epsilon=wrong)


def test_scales_of_stylegan_move_without_their_offsets() -> None:
    generator = small_stylegan().float()
    catalog = small_catalog(generator)
    for bias in (False, True):
        edit = query_edit(generator, catalog, "dark", interpolation=Interpolation.GLOBAL, bias=bias)
        for part in generator.style_slices.values():
            scale, offset = edit.query[part].chunk(2)
            assert (float(scale.min()), float(offset.max())) == (1, float(bias))
    with pytest.raises(UserError, match="bias=true"):
        edit_of(bias=True)


def test_it_survives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "edits.safetensors"
    edit = edit_of(epsilon=[1, 2])
    about: dict[str, Any] = {"generator": GENERATOR.name, "fingerprint": GENERATOR.fingerprint}
    Edits(edits=(edit,), method="m", region="r", seed=0, **about).save(path)
    (loaded,) = Edits.load(path)
    assert isinstance(loaded, QueryEdit)
    assert loaded.settings() == edit.settings()
    assert loaded.needs_reference
    reference = codes_of(seed=2)
    torch.testing.assert_close(
        loaded.apply(GENERATOR, codes_of(), 0.5, reference),
        edit.apply(GENERATOR, codes_of(), 0.5, reference),
    )


def test_settings_tell_edits_apart() -> None:
    edits = [
        edit_of(),
        edit_of(epsilon=4.0),
        edit_of(threshold=0.3),
        edit_of(interpolation="global"),
    ]
    assert len({str(edit.settings()) for edit in edits}) == 4
    assert edits[0].catalog == CATALOG.hash


def test_references_that_do_not_fit_are_refused() -> None:
    codes, edit = codes_of(), edit_of()
    with pytest.raises(UserError, match="takes from a reference"):
        edit.apply(GENERATOR, codes, 1.0)
    with pytest.raises(UserError, match="3 images and 2 references"):
        edit.apply(GENERATOR, codes, 1.0, codes_of(2))
    other = small_network(dtype=torch.float32, w_dim=4)
    foreign = other.convert(codes_of(3, 2, other), Space.W)
    with pytest.raises(UserError, match="no code of generator=stylegan2"):
        edit.apply(GENERATOR, codes, 1.0, foreign)
    with pytest.raises(UserError, match="share of a reference"):
        edit.apply(GENERATOR, codes, -0.5, codes_of(seed=2))


def test_what_makes_no_query_is_refused() -> None:
    with pytest.raises(UserError, match="Unknown label"):
        query_edit(GENERATOR, CATALOG, "mouth")
    with pytest.raises(UserError, match="interpolation"):
        edit_of(interpolation="sequental")
    other = small_network(seed=1, dtype=torch.float32)
    with pytest.raises(UserError, match="make a catalog of this one"):
        query_edit(other, CATALOG, "dark")
