"""Groups of w+ layers."""

from collections.abc import Sequence

import pytest

from pipeline.errors import UserError
from pipeline.methods.layer_groups import as_groups, resolve_groups


def test_groups_as_a_configuration_gives_them() -> None:
    assert as_groups([[0, 2], [2, None]]) == ((0, 2), (2, None))
    assert as_groups(None) == ((0, None),)


def test_groups_of_a_generator() -> None:
    assert resolve_groups(((0, 2), (2, 6), (6, None)), 10) == ((0, 2), (2, 6), (6, 10))
    with pytest.raises(UserError, match=r"groups=\[\[0, 2\], \[10, None\]\].*there are 10"):
        resolve_groups(((0, 2), (10, None)), 10)
    with pytest.raises(UserError, match="10 w\\+ layers"):
        resolve_groups(((6, 11),), 10)


@pytest.mark.parametrize(
    "groups", [[], [[2, 2]], [[3, 1]], [[0, 0]], [[None, 2]], [[-1, 2]], [[1]]]
)
def test_no_groups(groups: Sequence[Sequence[int | None]]) -> None:
    with pytest.raises(UserError, match=r"half-open ranges.*groups=null for all"):
        as_groups(groups)
