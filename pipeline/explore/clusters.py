"""The clusters of a semantic catalog, for a person to name (Collins et al. 2020, Sec. 3.1)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from pipeline.catalog_sheets import seen, write_catalog
from pipeline.errors import UserError
from pipeline.explore.session import Session
from pipeline.methods.catalog.catalog import Catalog
from pipeline.methods.catalog.labels import read_labels
from pipeline.methods.catalog.method import CatalogMethod
from pipeline.report.page import Record
from pipeline.transferring import catalogued

NAMES = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, eq=False)
class Clusters:
    """A catalog as it is labelled.

    Attributes:
        catalog: with the names given so far.
        images: samples that it was not made from, ``[n, 3, H, W]``.
        places: cluster of every pixel of them, ``[n, H, W]``.
        folder: where its files lie, or will.
        command: that made it.
    """

    catalog: Catalog
    images: Tensor
    places: Tensor
    folder: Path
    command: str

    @property
    def names(self) -> list[str]:
        """Name of every cluster; empty where it has none."""
        owners = {k: name for name, ids in self.catalog.labels.items() for k in ids}
        return [owners.get(k, "") for k in range(self.catalog.count)]

    @property
    def use(self) -> str:
        """The command that edits by these names."""
        return (
            f"python run.py generator={self.catalog.generator} method=editing_in_style "
            f"method.catalog={self.folder / 'catalog.safetensors'} "
            f"method.labels={self.folder / 'catalog_labels.yaml'}"
        )


def clusters(
    session: Session, generator: str, layer: str, count: int, options: Sequence[str] = ()
) -> Clusters:
    """The catalog of a layer, made through the store; with names that were given before.

    Args:
        session: where it is kept.
        generator: whose features are clustered.
        layer: e.g. ``b32.conv0``.
        count: clusters, K.
        options: further overrides, e.g. ``method.num_samples=50``.

    Raises:
        UserError: the generator has no such layer, or none that can be clustered.
    """
    overrides = [
        f"generator={generator}",
        "method=editing_in_style",
        f"method.layers=[{layer}]",
        f"method.clusters=[{count}]",
        *options,
    ]
    e, config = session.experiment(overrides)
    catalogued(e, config.seed, session.runner)
    if not isinstance(e.method, CatalogMethod) or e.method.prepared is None:
        raise ValueError("method=editing_in_style has made no catalog")
    catalog = e.method.prepared
    folder = session.folder / "catalogs" / f"{generator}_{layer}_{catalog.count}"
    if (file := folder / "catalog_labels.yaml").is_file():
        catalog = catalog.with_labels(read_labels(file, catalog.count))
    images, places = seen(catalog, e.generator)
    command = f"python scripts/build_catalog.py --generator {generator} --layers {layer}"
    return Clusters(catalog, images, places, folder, f"{command} --clusters {count}")


def label(session: Session, given: Clusters, names: Mapping[int, str]) -> Clusters:
    """Name clusters and write the files that runs use; clusters of one name are one part.

    Args:
        session: whose generator it is.
        given: the catalog.
        names: by cluster; those without one are left out.

    Raises:
        UserError: a name or a cluster will not do, or a folder cannot be written.
    """
    labels: dict[str, tuple[int, ...]] = {}
    for cluster, name in sorted(names.items()):
        if not name.strip():
            continue
        if not NAMES.fullmatch(name.strip()) or not 0 <= cluster < given.catalog.count:
            raise UserError(f"'{name}' is no name for cluster {cluster}: lower case, e.g. mouth.")
        labels[name.strip()] = (*labels.get(name.strip(), ()), cluster)
    if not labels:
        raise UserError("No cluster has a name: give one at least.")
    catalog = given.catalog.with_labels(labels)
    generator = session.open(catalog.generator).generator
    write_catalog(catalog, generator, Record(given.command), given.folder)
    return Clusters(catalog, given.images, given.places, given.folder, given.command)
