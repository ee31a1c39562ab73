"""Names of clusters: given by a person in a file, or found by overlap with a parser's parts."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from pipeline.errors import UserError

Labels = Mapping[str, tuple[int, ...]]
"""Clusters by the name of what they show."""


@dataclass(frozen=True)
class Score:
    """How well the clusters of a label match the part of that name, over pixels of many images.

    Attributes:
        iou: intersection over union.
        purity: share of the clusters' pixels that belong to the part.
        coverage: share of the part's pixels that the clusters hold.
        clusters: how many clusters.
    """

    iou: float
    purity: float
    coverage: float
    clusters: int

    def plain(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)


def overlaps(clusters: Tensor, parts: Tensor, count: int, num_parts: int) -> Tensor:
    """Pixels by cluster and part, float64 ``[count, num_parts]``, of maps ``[n, H, W]`` of both."""
    pairs = clusters.flatten().long() * num_parts + parts.to(clusters.device).flatten().long()
    return torch.bincount(pairs, minlength=count * num_parts).reshape(count, -1).cpu().double()


def score(counts: Tensor, clusters: Sequence[int], part: int) -> Score:
    """How well some clusters match a part, from :func:`overlaps`."""
    held = counts[list(clusters)]
    shared, taken = float(held[:, part].sum()), float(held.sum())
    there = float(counts[:, part].sum())
    union = taken + there - shared
    return Score(
        shared / union if union else 0.0,
        shared / taken if taken else 0.0,
        shared / there if there else 0.0,
        len(clusters),
    )


def automatic_labels(counts: Tensor, parts: Sequence[str], wanted: Sequence[str]) -> Labels:
    """Every cluster to one part: to the one that it overlaps most, then to whichever helps.

    A small part may be no cluster's largest. So clusters change their part, one at a time, as long
    as that raises the mean IoU of the parts wanted; each time the change that raises it most. Of
    the other parts a cluster can take only the one that it overlaps most.

    Args:
        counts: see :func:`overlaps`.
        parts: names of its columns.
        wanted: names of the parts that count.

    Returns:
        Clusters by part, for every part that has some.
    """
    choice = counts.argmax(dim=1)
    columns = [parts.index(name) for name in wanted]
    best = float(_mean_ious(counts, choice[None], columns)[0])
    open_to = _open_to(counts, columns).flatten()
    while True:
        tried = choice.repeat(len(counts), len(parts), 1)  # [cluster, its new part, clusters]
        every = torch.arange(len(counts))
        tried[every, :, every] = torch.arange(len(parts))
        reached = _mean_ious(counts, tried.flatten(0, 1), columns).where(open_to, -1.0)
        if float(reached.max()) <= best + 1e-9:
            break
        choice, best = tried.flatten(0, 1)[reached.argmax()], float(reached.max())
    return {
        name: tuple((choice == column).nonzero()[:, 0].tolist())
        for column, name in enumerate(parts)
        if bool((choice == column).any())
    }


def _open_to(counts: Tensor, columns: Sequence[int]) -> Tensor:
    """The parts that each cluster can take, bool ``[k, parts]``."""
    wanted = torch.zeros(counts.shape[1], dtype=torch.bool)
    wanted[list(columns)] = True
    largest = counts.masked_fill(wanted, -1.0).argmax(dim=1)
    return wanted | (one_hot(largest, counts.shape[1]) > 0)


def _mean_ious(counts: Tensor, choices: Tensor, columns: Sequence[int]) -> Tensor:
    """Mean IoU of some parts, for every choice of parts for all clusters ``[m, k]``."""
    own = one_hot(choices, counts.shape[1]).to(counts)  # [m, k, part]
    taken = own.transpose(1, 2) @ counts.sum(dim=1)
    shared = torch.einsum("mkp,kp->mp", own, counts)
    union = taken + counts.sum(dim=0) - shared
    return (shared / union.clamp(min=1))[:, columns].mean(dim=1)


def scores(
    counts: Tensor, parts: Sequence[str], labels: Labels, wanted: Sequence[str]
) -> dict[str, Score]:
    """Scores of the parts wanted, of 0 where no cluster is theirs, and of all other labels."""
    names = dict.fromkeys([*wanted, *labels])
    return {
        name: score(counts, labels.get(name, ()), parts.index(name))
        for name in names
        if name in parts
    }


def mean_iou(found: Mapping[str, Score], wanted: Sequence[str]) -> float:
    """Mean IoU of the parts wanted."""
    return sum(found[name].iou for name in wanted) / len(wanted)


def read_labels(path: Path, count: int) -> dict[str, tuple[int, ...]]:
    """Labels from a YAML file with a line ``label: [cluster, ...]`` each.

    Args:
        path: the file.
        count: clusters that there are.

    Raises:
        UserError: the file is missing, says something else, or names clusters there are none of.
    """
    import yaml

    if not path.is_file():
        raise UserError(f"There is no file of labels at {path}: mend method.labels.")
    try:
        content = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise UserError(f"{path} is no YAML ({str(error).splitlines()[0]}).") from error
    if not isinstance(content, dict) or not content:
        raise UserError(f"{path} holds no labels: write lines like 'mouth: [3, 7]'.")
    return {str(name): _ids(path, name, ids, count) for name, ids in content.items() if ids != []}


def _ids(path: Path, name: object, given: object, count: int) -> tuple[int, ...]:
    ids = given if isinstance(given, list) else [given]
    for number in ids:
        if not isinstance(number, int) or not 0 <= number < count:
            raise UserError(
                f"{path}: '{name}: {given}' names cluster {number}; the catalog has clusters 0 to "
                f"{count - 1}."
            )
    return tuple(ids)


def write_labels(labels: Labels, path: Path) -> None:
    """The file that :func:`read_labels` reads."""
    lines = [f"{name}: {list(ids)}" for name, ids in labels.items()]
    head = "# label: clusters that show it; several merge into one part.\n"
    path.write_text(head + "\n".join(lines) + "\n")
