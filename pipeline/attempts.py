"""What comes after the numbers may fail without costing them."""

import logging
from collections.abc import Callable

log = logging.getLogger(__name__)


def attempt(what: str, act: Callable[[], object]) -> None:
    """Do what the results do not depend on; its failure is a warning.

    Args:
        what: what it makes, e.g. ``the report``.
        act: makes it.
    """
    try:
        act()
    except Exception as error:
        log.warning("%s failed (%s); the numbers are safe", what, error, exc_info=True)
