"""What the page asks for, as overrides of a run."""

import pytest

from pipeline.errors import UserError
from pipeline.explore.wish import Wish, composed
from pipeline.regions.box import Box
from pipeline.regions.polygon import Polygon


def test_a_box_is_a_region_of_a_run_whichever_corner_it_was_drawn_from() -> None:
    wish = Wish.of({"box": [0.8, 0.75, 0.55, 0.2501], "options": "seed=3 'method.layers=[2,6]'"})
    config = composed(wish.overrides())
    box = Box(config.region.name, config.region.centre, config.region.size)
    assert box.rows == pytest.approx((0.55, 0.8))
    assert box.columns == pytest.approx((0.25, 0.75))
    assert (config.seed, config.method.layers) == (3, [2, 6])
    assert wish.command().startswith("python run.py generator=stylegan2_procfaces method=resefa")


def test_an_outline_stays_within_the_image() -> None:
    wish = Wish.of({"outline": [[-0.1, 0.5], [0.5, 1.2], [0.9, 0.12345]]})
    config = composed(wish.overrides())
    outline = Polygon(config.region.name, config.region.vertices)
    assert outline.vertices == [(0.0, 0.5), (0.5, 1.0), (0.9, 0.123)]


def test_an_edit_with_a_name_takes_the_place_of_the_method() -> None:
    assert "edit=wider" in Wish.of({"edit": "wider", "method": "resefa"}).overrides()
    assert not any(o.startswith("method=") for o in Wish(edit="wider").overrides())


def test_a_wish_along_an_attribute_says_how_far() -> None:
    asked = Wish(options=("seed=1",)).along("smile", -0.5)
    assert asked.overrides()[-3:] == ["attribute=smile", "seed=1", "change=-0.5"]


@pytest.mark.parametrize("given", [{"box": [1, 2]}, {"outline": ["a"]}, {"options": "'open"}])
def test_nonsense_is_refused_in_one_line(given: dict[str, object]) -> None:
    with pytest.raises(UserError, match="cannot be understood"):
        Wish.of(given)


def test_mistakes_are_told_as_on_the_command_line() -> None:
    with pytest.raises(UserError, match="Did you mean method=resefa"):
        composed(Wish(method="resefo").overrides())
