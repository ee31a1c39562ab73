"""Queries: the recorded reference implementation, and what the paper says of them."""

import pytest
import torch
from torch import Tensor

from pipeline.methods.catalog.queries import (
    global_query,
    interpolate,
    sequential_query,
    simultaneous_query,
    threshold_of,
)
from pipeline.methods.query_edit import layer_budgets
from tests.conftest import Oracle

CASE = "algo_ganlocalediting_a"
LAYERS = 4


@pytest.mark.parametrize("index", range(6))
def test_sequential_queries_are_those_of_the_reference(index: int, oracle: Oracle) -> None:
    tensors, meta = oracle(CASE)
    setting = meta["settings"][index]
    for layer, budget in enumerate(layer_budgets(setting["epsilon"], LAYERS)):
        row = tensors[f"in.M.{layer}"][setting["label_index"]]
        query = sequential_query(row, budget, setting["rho"])
        assert torch.equal(query, tensors[f"out.{index}.q.{layer}"])


@pytest.mark.parametrize("index", range(6))
def test_styles_are_those_of_the_reference(index: int, oracle: Oracle) -> None:
    tensors, _ = oracle(CASE)
    for layer in range(LAYERS):
        query = tensors[f"out.{index}.q.{layer}"]
        target, taken = tensors[f"in.s_target.{layer}"], tensors[f"in.s_reference.{layer}"]
        wanted = tensors[f"out.{index}.s.{layer}"]
        torch.testing.assert_close(interpolate(target, taken, query), wanted)


@pytest.mark.parametrize(("bias", "name"), [(False, "y_scale_only"), (True, "y_scale_and_bias")])
def test_offsets_follow_only_where_asked(bias: bool, name: str, oracle: Oracle) -> None:
    tensors, _ = oracle(CASE)
    query = tensors["out.0.q.0"]
    both = torch.stack([query, query if bias else torch.zeros_like(query)]).flatten()
    target, taken = (tensors[f"in.ys_{side}.0"].flatten(1) for side in ("target", "reference"))
    found = interpolate(target, taken, both).reshape(tensors[f"out.0.{name}.0"].shape)
    torch.testing.assert_close(found, tensors[f"out.0.{name}.0"])


def test_the_budget_counts_the_channel_itself_and_is_never_reached() -> None:
    contributions = torch.tensor([0.5, 0.9, 0.8], dtype=torch.float64)
    assert sequential_query(contributions, 0.05, 0.0).tolist() == [0, 0, 0]
    assert sequential_query(contributions, 0.25, 0.0).tolist() == [0, 1, 0]
    assert sequential_query(contributions, 0.31, 0.0).tolist() == [0, 1, 1]
    assert sequential_query(contributions, 10, 0.0).tolist() == [1, 1, 1]


def test_channels_at_the_threshold_are_left_out() -> None:
    contributions = torch.tensor([0.1, 0.2, 0.10001], dtype=torch.float64)
    assert sequential_query(contributions, 10, 0.1).tolist() == [0, 1, 1]


def best_by_trying(contributions: Tensor, epsilon: float) -> float:
    """The greatest sum of contributions of any set of channels within the budget."""
    count = len(contributions)
    sets = ((torch.arange(2**count)[:, None] >> torch.arange(count)) & 1).double()
    allowed = sets @ (1 - contributions) < epsilon
    return float((sets @ contributions)[allowed].max())


@pytest.mark.parametrize("seed", range(5))
def test_the_greedy_query_is_the_best_one(seed: int) -> None:
    """Taking the greatest M first also spends least, so that greed solves Eq. 5 for 0/1 queries."""
    random = torch.Generator().manual_seed(seed)
    contributions = torch.rand(10, generator=random, dtype=torch.float64)
    query = sequential_query(contributions, 3.0, 0.0)
    assert float((query * (1 - contributions)).sum()) < 3.0
    assert float((query * contributions).sum()) == pytest.approx(best_by_trying(contributions, 3.0))


def test_simultaneous_and_global_queries() -> None:
    contributions = torch.tensor([0.1, 0.5, 1.0])
    strengths = torch.tensor([[1.0], [4.0]])
    found = simultaneous_query(contributions, strengths)
    torch.testing.assert_close(found, torch.tensor([[0.1, 0.5, 1.0], [0.4, 1.0, 1.0]]))
    torch.testing.assert_close(global_query(contributions, strengths), strengths.expand(2, 3))


def test_the_threshold_of_a_relevance() -> None:
    assert threshold_of(1 / 9) == pytest.approx(0.1)
