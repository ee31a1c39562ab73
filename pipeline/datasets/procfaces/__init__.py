"""The embedded domain: shaded faces drawn by code, with part labels and known factors."""

from pipeline.datasets.procfaces.factors import FACTORS, NAMES, Factor, sample_factors
from pipeline.datasets.procfaces.parts import PART_ID, PARTS
from pipeline.datasets.procfaces.render import Rendering, render

__all__ = [
    "FACTORS", "NAMES", "PARTS", "PART_ID", "Factor", "Rendering", "render", "sample_factors",
]  # fmt: skip
