"""Files of PGGAN: one network through every form, and files that are not what they seem."""

from typing import Any

import pytest
import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Space
from pipeline.generators.checkpoints import stylegan
from pipeline.generators.checkpoints.form import Form
from pipeline.generators.checkpoints.pggan import FORMS
from pipeline.generators.pggan import PGGAN
from tests.generators.progressive_cases import State, hammer_pggan, naive_pggan, tensorflow_pggan

TORCH, TENSORFLOW = FORMS


def under(prefix: str, state: State) -> dict[str, Any]:
    return {prefix + name: x for name, x in state.items()}


def image_of(generator: Any) -> Tensor:
    assert isinstance(generator, PGGAN)
    z = torch.randn(2, 7, generator=torch.Generator().manual_seed(0))
    return generator.render(Codes(Space.Z, z.to(generator.torgb.bias)))


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("channels", [(5, 4, 3), (4, 3, 3, 2, 2, 2)])
def test_one_image_through_every_form(channels: tuple[int, ...], fused: bool) -> None:
    state = hammer_pggan(channels, fused)
    official = under("Gs.", tensorflow_pggan(state, fused))
    made = [
        form.build(content).double() for form, content in ((TORCH, state), (TENSORFLOW, official))
    ]
    images = [image_of(generator) for generator in made]
    torch.testing.assert_close(images[0], images[1], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("fused", [False, True])
def test_options_say_what_equal_widths_leave_open(fused: bool) -> None:
    state = hammer_pggan((3, 3, 3), fused)
    z = torch.randn(2, 7, generator=torch.Generator().manual_seed(0))
    content = under("models.generator_smooth.", state)
    content |= {"model_kwargs_init.generator_smooth.fused_scale": fused}
    images = TORCH.build(content).render(Codes(Space.Z, z))
    torch.testing.assert_close(images, naive_pggan(state, z, fused), rtol=1e-4, atol=1e-4)
    if not fused:
        assert torch.equal(image_of(TORCH.build(state)), images)


@pytest.mark.parametrize("name", ["label_dim", "label_size"])
def test_labels_are_read_from_the_options(name: str) -> None:
    content = under("models.generator.", hammer_pggan((3, 3)))
    config = TORCH.build(content | {f"model_kwargs_init.generator.{name}": 2}).config
    assert (config.z_dim, config.num_classes, config.normalize_z) == (5, 2, True)
    official = under("Gs.", tensorflow_pggan(hammer_pggan((3, 3)), fused=False))
    official |= {"Gs.static_kwargs.label_size": 2, "Gs.static_kwargs.pixelnorm_epsilon": 1e-5}
    config = TENSORFLOW.build(official).config
    assert (config.z_dim, config.num_classes, config.normalize_z) == (5, 2, False)
    assert config.pixel_norm_eps == 1e-5


@pytest.mark.parametrize("prefix", ["", "models.generator.", "generator_smooth."])
def test_where_a_generator_lies(prefix: str) -> None:
    content = under(prefix, hammer_pggan((4, 3)))
    assert [f for f in FORMS if f.recognise(content)] == [TORCH]
    assert not any(f.recognise(content) for f in stylegan.FORMS)
    assert torch.equal(image_of(TORCH.build(content)), image_of(TORCH.build(hammer_pggan((4, 3)))))


def changed(form: Form, change: dict[str, Any]) -> dict[str, Any]:
    """A content of a form with other entries; None removes one."""
    state = hammer_pggan((4, 3))
    state = state if form is TORCH else tensorflow_pggan(state, fused=False)
    return {k: x for k, x in (state | change).items() if x is not None}


@pytest.mark.parametrize(
    ("form", "change", "message"),
    [
        (TORCH, {"layer1.bias": None}, r"^pggan-genforce: the file lacks the tensors layer1.bias"),
        (TORCH, {"layer3.weight": None}, "lacks the tensors layer3.weight"),
        (TORCH, {"output1.bias": None}, "lacks the tensors output1.bias"),
        (TORCH, {"other": torch.ones(1)}, r"has unknown tensors other \(1\)"),
        (TORCH, {"layer1.weight": torch.ones(4, 5, 3, 3)}, "layer1.weight of shape .4, 5, 3, 3."),
        (TORCH, {"layer0.weight": torch.ones(4, 7)}, "layer0.weight of shape .4, 7. does not fit"),
        (TORCH, {"lod": torch.tensor(2.0)}, r"in the middle of its growth \(lod = 2\)"),
        (
            TENSORFLOW,
            {"variables.4x4/Dense/weight": None},
            "^pggan-tensorflow: .* 4x4/Dense/weight",
        ),
        (TENSORFLOW, {"variables.8x8/Conv0/weight": None}, "lacks the tensors 8x8/Conv0/weight"),
        (TENSORFLOW, {"variables.8x8/Conv2/bias": torch.ones(3)}, "unknown tensors 8x8/Conv2/bias"),
        (
            TENSORFLOW,
            {"variables.4x4/Dense/weight": torch.ones(7, 63)},
            "4x4/Dense/weight of shape",
        ),
        (TENSORFLOW, {"static_kwargs.num_channels": 1}, "num_channels=1; only 3 is known"),
        (TENSORFLOW, {"static_kwargs.label_size": 7}, "z_dim=0 must be at least 1"),
    ],
)
def test_files_that_do_not_fit(form: Form, change: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        form.build(changed(form, change))
    assert "\n" not in str(error.value)
