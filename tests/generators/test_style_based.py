"""What every style-based generator refuses."""

from typing import Any

import pytest

from pipeline.errors import UserError
from pipeline.generators.style_based import check_truncation


@pytest.mark.parametrize("psi, cutoff", [("abc", None), (None, None), (True, None), (0.7, 1.5)])
def test_what_is_no_truncation(psi: Any, cutoff: Any) -> None:
    with pytest.raises(UserError, match=r"truncation_(psi|cutoff)=.*: must be a "):
        check_truncation(psi, cutoff)


def test_what_is_truncation() -> None:
    check_truncation(1, None)
    check_truncation(0.5, 3)
