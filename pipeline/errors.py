"""Errors that a user can cause and mend: one line, no traceback."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """A mistake of the user's: says what was given, what is allowed and what to type next."""


def unknown_name(kind: str, given: object, allowed: Iterable[str]) -> UserError:
    """The error for a name that is not among the allowed ones, with the nearest match.

    Args:
        kind: what the name stands for, e.g. ``"region"``.
        given: what the user typed.
        allowed: every name that would have been accepted.
    """
    names = sorted(set(allowed))
    near = get_close_matches(str(given), names, n=1, cutoff=0.5)
    hint = f" Did you mean {kind}={near[0]}?" if near else ""
    return UserError(f"Unknown {kind} '{given}'.{hint} Allowed: {', '.join(names) or 'none yet'}.")
