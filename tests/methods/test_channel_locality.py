"""Where gradients fall, on maps that are drawn by hand."""

import torch

from pipeline.methods.channel_locality import Localisation, majority, overlaps, votes

LABELS = torch.tensor([0, 0, 1, 1, 1, 1, 2, 2, 2, 2])


def maps(*rows: str) -> torch.Tensor:
    """One digit per cell."""
    return torch.tensor([[float(digit) for digit in row] for row in rows])


def test_the_majority_in_each_cell() -> None:
    labels = torch.tensor([[[0, 0, 1, 1], [0, 2, 1, 2], [2, 2, 0, 0], [2, 1, 1, 1]]])
    assert majority(labels, 2, 3).tolist() == [[[0, 1], [2, 0]]]
    assert torch.equal(majority(labels, 4, 3), labels)


def test_overlaps_are_shares_of_the_strongest_cells() -> None:
    found = overlaps(maps("9800000000", "0098760000", "0900870060"), LABELS, 4)
    expected = [[1, 0.5, 0], [0, 1, 0], [0.5, 0.5, 0.25]]
    # Class 1 of the first map: its four strongest cells are 0, 1 and, of the zeros, 2 and 3.
    torch.testing.assert_close(found[:, :3], torch.tensor(expected, dtype=torch.float64))
    assert not found[:, 3].any()


def test_cells_of_no_class_count_for_none() -> None:
    labels = torch.tensor([0, 0, 1, 1, 3, 3])
    found = overlaps(maps("980000", "000098"), labels, 3)
    torch.testing.assert_close(found, torch.tensor([[1.0, 0, 0], [0, 0, 0]]).double())


def test_a_channel_without_effect_overlaps_with_nothing() -> None:
    shares = overlaps(maps("0000000000"), LABELS, 3)
    assert not shares.any()
    assert not votes(shares, torch.tensor([2, 4, 4])).any()


def test_small_classes_win_by_the_discount() -> None:
    shares = torch.tensor([[0.6, 0.9], [0.2, 0.9], [0.0, 0.1]], dtype=torch.float64)
    areas = torch.tensor([2, 4])
    assert votes(shares, areas).tolist() == [[True, False], [False, True], [False, True]]
    assert votes(shares, areas, discount=1.0).int().argmax(1).tolist() == [1, 1, 1]


def test_rates_count_the_images_that_show_a_class() -> None:
    said = Localisation(torch.tensor([[6, 0, 2], [3, 3, 4]]), torch.tensor([10, 0, 4]))
    torch.testing.assert_close(
        said.rates, torch.tensor([[0.6, 0, 0.5], [0.3, 3, 1]], dtype=torch.float64)
    )


def test_local_channels_exceed_a_rate_and_all_others_by_a_margin() -> None:
    counts = torch.tensor([[90, 10], [60, 30], [60, 40], [50, 0], [51, 25]])
    said = Localisation(counts, torch.tensor([100, 100]))
    assert said.local(0, 0.5, 0.25).tolist() == [True, True, False, False, True]
    assert said.local(1, 0.2, 0.0).tolist() == [False] * 5
