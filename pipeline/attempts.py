"""What comes after the numbers may fail without costing them."""

import logging
from collections.abc import Callable

from pipeline.disk import takes_nothing
from pipeline.errors import UserError

log = logging.getLogger(__name__)


def attempt(what: str, act: Callable[[], object]) -> None:
    """Do what the results do not depend on; its failure is a warning.

    It comes with a traceback, unless the reason is a disk that takes nothing or a user's mistake.

    Args:
        what: what it makes, e.g. ``the report``.
        act: makes it.
    """
    try:
        act()
    except Exception as error:
        told = isinstance(error, UserError) or takes_nothing(error)
        log.warning("%s failed (%s); the numbers are safe", what, error, exc_info=not told)
