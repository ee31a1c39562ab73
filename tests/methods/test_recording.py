"""Recorded derivatives against forward mode, on every kind of generator."""

import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.func import jvp, vjp, vmap
from torch.utils._python_dispatch import TorchDispatchMode

from pipeline.generators.base import Generator, Space
from pipeline.generators.checkpoints.pggan import FORMS as PGGAN_FORMS
from pipeline.generators.checkpoints.stylegan import FORMS as STYLEGAN_FORMS
from pipeline.methods.jacobian import Linearisation
from pipeline.methods.recording import NotRecordableError, record
from tests.generators.conditional import small_biggan, small_deep
from tests.generators.networks import small_network
from tests.generators.progressive_cases import hammer_pggan, hammer_stylegan
from tests.generators.stylegan3_cases import RADIAL, small_stylegan3

POINT = torch.linspace(-1, 1, 5, dtype=torch.float64)
FORMS = {form.name: form.build for form in (*PGGAN_FORMS, *STYLEGAN_FORMS)}
GENERATORS: dict[str, Callable[[], Generator]] = {
    "stylegan2": small_network,
    "stylegan3-t": small_stylegan3,
    "stylegan3-r": lambda: small_stylegan3(**RADIAL),
    "stylegan": lambda: FORMS["stylegan-hammer"](hammer_stylegan((4, 3, 3))).double(),
    "pggan": lambda: FORMS["pggan-genforce"](hammer_pggan((4, 3, 3))).double(),
    "biggan": small_biggan,
    "biggan-deep": small_deep,
}


def image_of(generator: Generator, space: Space) -> tuple[Callable[[Tensor], Tensor], Tensor]:
    """The image at one code of a space, as a function of a flat step, and the step zero."""
    sampled = generator.sample(1, torch.Generator().manual_seed(0))
    codes = generator.convert(sampled.with_values(sampled.values.double()), space)

    def image(step: Tensor) -> Tensor:
        return generator.render(codes.with_values(codes.values + step.view_as(codes.values)))[0]

    return image, torch.zeros(codes.values.numel(), dtype=torch.float64)


def some_rows(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("name", GENERATORS)
def test_every_generator_is_recorded_exactly(name: str) -> None:
    generator = GENERATORS[name]()
    for space in generator.spaces & {Space.Z, Space.W, Space.W_PLUS, Space.S}:
        image, point = image_of(generator, space)
        record(image, point)
        linear = Linearisation(image, point)
        tangents, cotangents = some_rows(3, len(point)), some_rows(2, *linear.value.shape)
        forward = vmap(lambda v, f=image, p=point: jvp(f, (p,), (v,))[1])(tangents)
        torch.testing.assert_close(linear.push(tangents), forward)
        backward = vmap(vjp(image, point)[1])(cotangents)[0]
        torch.testing.assert_close(linear.pull(cotangents), backward)
        torch.testing.assert_close(linear.value, image(point))


def test_only_what_acts_on_the_tangent_is_kept() -> None:
    weights = some_rows(6, 5)

    def function(x: Tensor) -> Tensor:
        unchanging = (weights.sin() @ POINT).reshape(2, 3)
        return (weights @ x).reshape(2, 3) * unchanging + unchanging

    recording = record(function, POINT)
    names = [operation.call.name() for operation in recording.operations]
    assert names == ["aten::mv", "aten::reshape", "aten::mul.Tensor"]
    assert recording.num_bytes == (6 * 5 + 6) * 8


def test_values_are_let_go_after_their_last_use() -> None:
    """A chain of any length needs the memory of two links."""
    alive: weakref.WeakSet[Tensor] = weakref.WeakSet()
    most = 0

    class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            nonlocal most
            result = func(*args, **(kwargs or {}))
            alive.add(result)
            most = max(most, len(alive))
            return result

    def chain(x: Tensor) -> Tensor:
        for _ in range(20):
            x = x.sin()
        return x

    recording = record(chain, POINT)
    with Watch():  # type: ignore[no-untyped-call]
        recording.along(POINT)
    assert most <= 3


def test_changes_in_place_are_recorded_as_new_values() -> None:
    def function(x: Tensor) -> Tensor:
        y = (x * 2).mul_(x).add_(1.0)
        return torch.cat([y, y.sin_()])

    record(function, POINT)
    expected = torch.func.jacrev(lambda x: (2 * x * x + 1).sin().repeat(2))(POINT)
    torch.testing.assert_close(Linearisation(function, POINT).columns(0, 5).T, expected)


def test_without_a_recording_forward_and_reverse_mode_do_it() -> None:
    """Here because a view would have to change with what it is a view of."""
    weights = some_rows(4, 5)

    def function(x: Tensor) -> Tensor:
        y = weights @ x
        view = y[1:]
        y.mul_(2.0)
        return torch.cat([y, view]).sin()

    with pytest.raises(NotRecordableError, match="copy_"):
        record(function, POINT)
    linear = Linearisation(function, POINT)
    twice = torch.cat([weights, weights[1:]])
    expected = torch.func.jacrev(lambda x: (2 * twice @ x).sin())(POINT)
    torch.testing.assert_close(linear.columns(0, 5).T, expected)
    torch.testing.assert_close(linear.pull(torch.eye(7, dtype=torch.float64)), expected)
    torch.testing.assert_close(linear.value, (2 * twice @ POINT).sin())
    assert linear.num_bytes == 0


def test_constants_that_change_later_are_noticed() -> None:
    def function(x: Tensor) -> Tensor:
        factor = POINT.cos()
        y = x * factor
        factor.add_(1.0)
        return y + x * factor

    with pytest.raises(NotRecordableError, match="is another"):
        record(function, POINT)
    expected = (2 * POINT.cos() + 1).diag()
    torch.testing.assert_close(Linearisation(function, POINT).columns(0, 5), expected)


def test_functions_that_do_nothing_or_nothing_else() -> None:
    for function, expected in (
        (lambda x: x, torch.eye(5, dtype=torch.float64)),
        (lambda _x: some_rows(5), torch.zeros(5, 5, dtype=torch.float64)),
    ):
        linear = Linearisation(function, POINT)
        torch.testing.assert_close(linear.columns(0, 5), expected)
        torch.testing.assert_close(linear.pull(torch.eye(5, dtype=torch.float64)), expected)


def test_layouts_do_not_matter() -> None:
    """Constants are laid out anew; shapes that are read off strides would be wrong."""
    kernel, image = some_rows(4, 3, 3, 3), some_rows(1, 3, 6, 6)

    def function(x: Tensor) -> Tensor:
        y = torch.conv2d(image * x[:3, None, None], kernel, padding=1)
        y = y.permute(0, 2, 3, 1).reshape(6, 24) * x.sum()
        return y.t().contiguous().view(4, 6, 6)

    linear = Linearisation(function, POINT)
    torch.testing.assert_close(
        linear.columns(0, 5).movedim(0, -1), torch.func.jacrev(function)(POINT)
    )
