"""What methods share that work with a semantic catalog: where it comes from, and its labels."""

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import UserError
from pipeline.generators.base import Generator
from pipeline.methods.catalog.building import Plan, Progress, build
from pipeline.methods.catalog.catalog import Catalog
from pipeline.methods.catalog.labels import read_labels
from pipeline.methods.reader import Parser
from pipeline.methods.reading import ReadingMethod
from pipeline.regions.region import Region


class CatalogMethod(ReadingMethod):
    """A method that looks up in a catalog which channels make what.

    A catalog is the same for every region; whoever runs the method may make it first
    (:class:`pipeline.stages.cataloguing.Cataloguing`) and set ``prepared``.

    Attributes:
        catalog: file of a catalog; None makes one by the plan.
        labels: file of labels that replace the catalog's.
        prepared: the catalog; None before it is made or read.
    """

    catalog: str | None = None
    labels: str | None = None
    prepared: Catalog | None = None

    @property
    @abstractmethod
    def plan(self) -> Plan:
        """How a catalog is made where no file is given."""

    def looks_up(self, region: Region) -> bool:
        """Whether it needs the catalog for a region."""
        return True

    def seeing(self) -> Parser | None:
        """The parser that names clusters; None where nothing finds parts."""
        if self.reader is None or not self.reader.parts:
            return None
        return self.reader.parser

    def networks(self) -> Mapping[str, object]:
        """The parser, where there is one."""
        parser = self.seeing()
        return {} if parser is None else {"parser": parser}

    def check_catalog(self, generator: Generator) -> None:
        """Refuse a catalog that cannot be read or made, before any work.

        Raises:
            UserError: it is another generator's, its file or that of the labels is of no use, or
                the plan does not fit the generator.
        """
        if self.catalog is not None:
            self._named(Catalog.load(Path(self.catalog))).check(generator)
            return
        self.plan.layers_of(generator)
        if self.seeing() is not None and self.reader is not None:
            self.plan.parts_of(self.reader)
        if self.labels is not None:
            raise UserError(
                f"method.labels={self.labels} names the clusters of one catalog: add "
                "method.catalog=FILE with that catalog."
            )

    def source(self) -> Mapping[str, Any]:
        """What the catalog depends on besides generator and seed, as a store key can hold it."""
        if self.catalog is None:
            return {"plan": self.plan.settings(), "parts": list(getattr(self.reader, "parts", ()))}
        return {"file": self._named(Catalog.load(Path(self.catalog))).hash}

    def make_catalog(
        self, generator: Generator, seed: int, progress: Progress | None = None
    ) -> Catalog:
        """Read the catalog, or make it.

        Raises:
            UserError: see :meth:`check_catalog`.
        """
        self.check_catalog(generator)
        if self.catalog is not None:
            return self._named(Catalog.load(Path(self.catalog)))
        return build(generator, self.plan, seed, self.reader, progress).catalog

    def _named(self, catalog: Catalog) -> Catalog:
        if self.labels is None:
            return catalog
        return catalog.with_labels(read_labels(Path(self.labels), catalog.count))
