"""The ways to transfer a part that Editing in Style compares (Collins et al. 2020, Sec. 3.2, 4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.experiment import Experiment
from pipeline.generators.base import Codes, Generator
from pipeline.methods.blending import clusters_place
from pipeline.methods.catalog.catalog import Catalog
from pipeline.methods.editing_in_style import EditingInStyle
from pipeline.methods.edits import Edit
from pipeline.methods.feature_blending import FeatureBlendingEdit
from pipeline.methods.poisson_blending import PoissonBlendingEdit
from pipeline.methods.query_edit import Interpolation, query_edit
from pipeline.runner import Runner
from pipeline.stages.transfer import PartMasks
from pipeline.transferring import catalogued


class Way(StrEnum):
    """How a part is taken, and what its setting is.

    ``global``, ``simultaneous``: lambda. ``sequential``: the budget epsilon of every layer.
    ``feature_blending``: the greatest resolution that is copied. ``poisson_blending``: the share.
    """

    GLOBAL = "global"
    SIMULTANEOUS = "simultaneous"
    SEQUENTIAL = "sequential"
    FEATURE_BLENDING = "feature_blending"
    POISSON_BLENDING = "poisson_blending"


@dataclass(frozen=True)
class Ways:
    """Makes the edits of all ways from one catalog.

    Attributes:
        generator: the generator.
        catalog: its catalog; masks and contributions are from it.
        method: threshold, bias and to-RGB of the queries.
        key: what the catalog is stored under.
    """

    generator: Generator
    catalog: Catalog
    method: EditingInStyle
    key: str

    @classmethod
    def of(cls, e: Experiment, seed: int, runner: Runner) -> "Ways":
        """With the catalog of the experiment's method, found or made."""
        method = require_editing_in_style(e)
        (key,) = catalogued(e, seed, runner)
        if method.prepared is None:
            raise RuntimeError("the catalog was not kept")
        return cls(e.generator, method.prepared, method, key)

    def absent(self, parts: Sequence[str]) -> dict[str, str]:
        """Parts that the catalog has no clusters of, and why."""
        about = f"no cluster of {self.catalog.layer} (K = {self.catalog.count}) is labelled so"
        return {part: about for part in parts if part not in self.catalog.labels}

    def edit(self, way: Way, part: str, setting: float) -> tuple[Edit, float]:
        """An edit, and the strength to apply it at."""
        if way in (Way.FEATURE_BLENDING, Way.POISSON_BLENDING):
            return self._blending(way, part, setting)
        return self._query(way, part, setting)

    def _query(self, way: Way, part: str, setting: float) -> tuple[Edit, float]:
        sequential = way == Way.SEQUENTIAL
        edit = query_edit(
            self.generator,
            self.catalog,
            part,
            interpolation=Interpolation(way),
            epsilon=setting if sequential else 0.0,
            threshold=self.method.threshold,
            bias=self.method.bias,
            to_rgb=self.method.to_rgb,
        )
        return edit, 1.0 if sequential else setting

    def _blending(self, way: Way, part: str, setting: float) -> tuple[Edit, float]:
        clusters = self.catalog.clusters_of(part)
        place: Any = clusters_place(way, self.generator, self.catalog, part, clusters)
        if way == Way.FEATURE_BLENDING:
            return FeatureBlendingEdit(**place, up_to=int(setting)), 1.0
        return PoissonBlendingEdit(**place), setting


@dataclass(frozen=True)
class ClusterMasks(PartMasks):
    """The target's parts as the clusters of a catalog (Sec. 4.3)."""

    catalog: Catalog

    def settings(self) -> Mapping[str, Any]:
        """The catalog by its hash."""
        return {"catalog": self.catalog.hash}

    def find(self, generator: Generator, codes: Codes, parts: Sequence[str]) -> dict[str, Tensor]:
        """All parts from one look at the targets."""
        found = self.catalog.clusters(generator, codes)
        ids = {part: torch.tensor(self.catalog.clusters_of(part)).to(found) for part in parts}
        return {part: torch.isin(found, own).float() for part, own in ids.items()}


def require_editing_in_style(e: Experiment) -> EditingInStyle:
    """The experiment's method.

    Raises:
        UserError: it is another.
    """
    if not isinstance(e.method, EditingInStyle):
        raise UserError(
            f"method={e.method.name}: transfers are compared by the catalog of "
            "method=editing_in_style; give that."
        )
    return e.method
