"""Catalogs to test with: of small networks, and a reader that knows halves of images."""

from collections.abc import Sequence
from types import SimpleNamespace

import torch
from torch import Tensor

from pipeline.generators.base import Generator
from pipeline.methods.catalog.building import Plan, build
from pipeline.methods.catalog.catalog import Catalog

PLAN = Plan(layers=("b8.conv1",), clusters=(4,), samples=6, vectors=200, restarts=2)


class Halves:
    """A reader of two parts: the brighter and the darker half of every image's pixels."""

    parts: Sequence[str] = ("dark", "bright")
    predictor = SimpleNamespace(names=())
    name = fingerprint = "halves"

    @property
    def parser(self) -> "Halves":
        """Itself."""
        return self

    def parse(self, images: Tensor) -> Tensor:
        """1 where a pixel is brighter than the image's median."""
        light = images.mean(dim=1)
        return (light > light.flatten(1).median(dim=1).values[:, None, None]).to(torch.uint8)


def small_catalog(generator: Generator, seed: int = 0) -> Catalog:
    """Four clusters with names by the two halves."""
    return build(generator, PLAN, seed, Halves()).catalog
