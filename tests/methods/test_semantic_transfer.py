"""Codes of single classes taken from references and from samples."""

from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline.errors import UserError
from pipeline.generators.base import Generator
from pipeline.methods.base import Method
from pipeline.methods.edits import Edits
from pipeline.methods.saved_edits import SavedEdits
from pipeline.methods.semantic_transfer import (
    ResampleEdit,
    SemanticResample,
    SemanticTransfer,
    SemanticTransferEdit,
)
from pipeline.regions.region import Region
from tests.generators.semantic_cases import random_network
from tests.generic import MethodCase
from tests.methods.semantics import KINDS, MOUTH, NETWORK, codes_of, rendered, ws_of


class TestResample(MethodCase):
    @pytest.fixture
    def method(self) -> Method:
        return SemanticResample(num_directions=2)

    @pytest.fixture
    def generator(self) -> Generator:
        return NETWORK

    @pytest.fixture
    def region(self) -> Region:
        return MOUTH


def transfer(**options: Any) -> SemanticTransferEdit:
    edit = SemanticTransfer(**options).discover(NETWORK, codes_of(), MOUTH)[0]
    assert isinstance(edit, SemanticTransferEdit)
    return edit


@pytest.mark.parametrize(("kind", "moved"), KINDS)
def test_all_of_a_transfer_is_the_rows_swapped(kind: str, moved: list[int]) -> None:
    codes, other = codes_of(), codes_of(seed=2)
    ws = ws_of(codes)
    ws[:, moved] = ws_of(other)[:, moved]
    edit = transfer(codes=kind)
    torch.testing.assert_close(edit.apply(NETWORK, codes, 1.0, other), rendered(ws))
    torch.testing.assert_close(edit.apply(NETWORK, codes, 0.0, other), NETWORK.render(codes))


def test_in_between_codes_lie_on_the_line() -> None:
    codes, other = codes_of(), codes_of(1, seed=2)
    strengths = torch.tensor([0.0, 0.25, 1.0])
    ws = ws_of(codes)
    ws[:, 5:7] += strengths[:, None, None] * (ws_of(other) - ws)[:, 5:7]
    images = transfer().apply(NETWORK, codes, strengths, other)
    torch.testing.assert_close(images, rendered(ws))


def test_transfers_need_references_that_fit() -> None:
    edit, codes = transfer(), codes_of()
    with pytest.raises(UserError, match="give the codes of one"):
        edit.apply(NETWORK, codes, 1.0)
    with pytest.raises(UserError, match="3 images and 2 references"):
        edit.apply(NETWORK, codes, 1.0, codes_of(2))
    with pytest.raises(UserError, match="was found on"):
        edit.apply(random_network(seed=5), codes, 1.0, codes)


def test_a_saved_transfer_is_the_same(tmp_path: Path) -> None:
    edits = SemanticTransfer(codes="texture").discover(NETWORK, codes_of(), MOUTH)  # type: ignore[arg-type]
    path = tmp_path / "edits.safetensors"
    edits.save(path)
    assert not SavedEdits(str(path)).calibrated
    (loaded,) = Edits.load(path)
    assert loaded.settings() == edits[0].settings()
    images = [e.apply(NETWORK, codes_of(), 0.5, codes_of(seed=2)) for e in (loaded, edits[0])]
    assert torch.equal(*images)


def test_a_sample_is_the_same_for_all_images_and_another_for_every_edit() -> None:
    edits = SemanticResample(num_directions=2).discover(NETWORK, codes_of(), MOUTH, seed=4)
    drawn = ws_of(NETWORK.sample(2, torch.Generator().manual_seed(4)))
    for index, edit in enumerate(edits):
        assert isinstance(edit, ResampleEdit)
        ws = ws_of(codes_of())
        ws[:, 5:7] = drawn[index, 5:7]
        torch.testing.assert_close(edit.apply(NETWORK, codes_of(), 1.0), rendered(ws))
        assert edit.shares and edit.scale
    assert edits.extra["eigenvalues"].isnan().all()


def test_images_are_differentiable_in_the_share() -> None:
    for edit in (transfer(), SemanticResample().discover(NETWORK, codes_of(), MOUTH)[0]):
        share = torch.tensor(0.5, requires_grad=True)
        edit.apply(NETWORK, codes_of(), share, codes_of(seed=2)).square().sum().backward()
        assert share.grad is not None
        assert share.grad.abs() > 0


def test_strengths_are_shares_and_are_not_calibrated() -> None:
    for method in (SemanticTransfer(), SemanticResample()):
        assert not method.calibrated
        method.check_strengths(method.strengths)
        for wrong in ([-0.5], [1.5]):
            with pytest.raises(UserError, match="goes from the image's own codes"):
                method.check_strengths(wrong)


def test_impossible_options() -> None:
    with pytest.raises(UserError, match="Did you mean method.codes=texture"):
        SemanticTransfer(codes="textur")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="num_directions=0"):
        SemanticResample(num_directions=0)
