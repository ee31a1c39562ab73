"""Borders of regions as paths."""

import torch

from pipeline.report.outlines import mask_path, outline_path


def test_polygons_become_closed_paths() -> None:
    """x is the column, y the row."""
    path = outline_path(
        [[(0.1, 0.2), (0.1, 0.8), (0.5, 0.8)], [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)]]
    )
    assert path == "M0.2 0.1L0.8 0.1L0.8 0.5ZM0 0L0 1L1 1Z"


def test_one_pixel_has_four_edges() -> None:
    """Row 1, column 2 of 4."""
    mask = torch.zeros(4, 4)
    mask[1, 2] = 1
    assert mask_path(mask) == "M0.5 0.25H0.75M0.5 0.5H0.75M0.5 0.25V0.5M0.75 0.25V0.5"


def test_neighbours_share_their_edges() -> None:
    """A full mask has the border of the image; an empty one has none; inner edges are not drawn."""
    assert mask_path(torch.ones(3, 5)) == "M0 0H1M0 1H1M0 0V1M1 0V1"
    assert mask_path(torch.zeros(3, 5)) == ""
