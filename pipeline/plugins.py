"""The optional parts of a sweep: which extra of the project brings which launcher or sweeper."""

from collections.abc import Sequence

from pipeline.errors import UserError, unknown_name

EXTRAS = {
    "hydra/launcher": {
        "ray_local": "ray",
        "ray_cluster": "ray",
        "ray": "ray",
        "slurm": "slurm",
        "slurm_local": "slurm",
        "submitit_slurm": "slurm",
        "submitit_local": "slurm",
    },
    "hydra/sweeper": {"tune": "optuna", "optuna": "optuna"},
}


def no_plugin(choice: str, options: Sequence[str]) -> UserError:
    """The error for a choice that Hydra does not find.

    Args:
        choice: group and name, e.g. ``hydra/launcher/ray``.
        options: the names that it does find.
    """
    group, _, name = choice.rpartition("/")
    brought = EXTRAS.get(group, {})
    if (extra := brought.get(name)) is None:
        return unknown_name(group, name, [*options, *brought])
    return UserError(
        f"{group}={name} needs a package that is not installed: uv sync --extra {extra}, or "
        f"pip install '.[{extra}]'."
    )
