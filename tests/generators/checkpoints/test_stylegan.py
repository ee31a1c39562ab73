"""Files of StyleGAN: one network through every form, and files that are not what they seem."""

from typing import Any

import pytest
import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Space
from pipeline.generators.checkpoints import pggan
from pipeline.generators.checkpoints.form import Form
from pipeline.generators.checkpoints.stylegan import FORMS
from pipeline.generators.stylegan import StyleGAN
from tests.conftest import Oracle
from tests.generators.progressive_cases import (
    State,
    hammer_stylegan,
    naive_stylegan,
    tensorflow_stylegan,
)

HAMMER, GENFORCE, TENSORFLOW = FORMS
CHANNELS = (4, 3, 3)


def under(prefix: str, state: State) -> dict[str, Any]:
    return {prefix + name: x for name, x in state.items()}


def older(state: State) -> State:
    """The same network as genforce's older code stores it."""
    names = {
        "w_avg": "truncation.w_avg",
        "mapping.embedding": "mapping.label_weight",
        "noise": "apply_noise.noise",
        "noise_strength": "apply_noise.weight",
        "filter": "blur.kernel",
    }
    made = {}
    for name, x in state.items():
        head, _, leaf = name.rpartition(".")
        x = x.flatten() if leaf == "noise_strength" else x
        if leaf == "filter":
            x = x.repeat(len(state[f"{head}.bias"]), 1, 1, 1)
        renamed = f"{head}.{names[leaf]}" if leaf in names else name
        made[names.get(name, renamed)] = x
    return made


def image_of(generator: Any, labels: Tensor | None = None) -> Tensor:
    assert isinstance(generator, StyleGAN)
    z = torch.randn(2, 7, generator=torch.Generator().manual_seed(0))
    return generator.render(Codes(Space.Z, z, labels))


@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize("channels", [CHANNELS, (3, 3, 2, 2, 2, 2)])
def test_one_image_through_every_form(channels: tuple[int, ...], classes: int) -> None:
    state = hammer_stylegan(channels, classes)
    labels = torch.tensor([2, 0]) if classes else None
    contents = [state, older(state), under("Gs.", tensorflow_stylegan(state))]
    made = [f.build(content) for f, content in zip(FORMS, contents, strict=True)]
    images = [image_of(generator, labels) for generator in made]
    assert torch.equal(images[0], images[1]) and torch.equal(images[0], images[2])
    assert made[0].fingerprint == made[1].fingerprint == made[2].fingerprint


@pytest.mark.parametrize(
    "prefix",
    ["", "models.generator_smooth.", "models.generator.", "generator_smooth.", "generator."],
)
@pytest.mark.parametrize("form", [HAMMER, GENFORCE])
def test_where_a_generator_lies(form: Form, prefix: str) -> None:
    state = hammer_stylegan(CHANNELS)
    state = state if form is HAMMER else older(state)
    content = under(prefix, state) | ({"discriminator.layer0.weight": 1} if prefix else {})
    assert [f for f in FORMS if f.recognise(content)] == [form]
    assert torch.equal(
        image_of(form.build(content)), image_of(HAMMER.build(hammer_stylegan(CHANNELS)))
    )


def test_the_averaged_generator_goes_first() -> None:
    smooth, other = hammer_stylegan(CHANNELS), hammer_stylegan(CHANNELS, seed=1)
    expected = image_of(HAMMER.build(smooth))
    both = under("models.generator.", other) | under("models.generator_smooth.", smooth)
    assert torch.equal(image_of(HAMMER.build(both)), expected)
    smooth, other = tensorflow_stylegan(smooth), tensorflow_stylegan(other)
    both = (
        under("G.", other) | under("D.", {"variables.lod": torch.ones(())}) | under("Gs.", smooth)
    )
    assert torch.equal(image_of(TENSORFLOW.build(both)), expected)


def test_architecture_is_read_from_the_shapes() -> None:
    config = HAMMER.build(hammer_stylegan((5, 4, 3, 2), classes=3)).config
    assert (config.resolution, config.channels) == (32, (5, 4, 3, 2))
    assert (config.z_dim, config.w_dim, config.num_classes, config.embedding_dim) == (7, 6, 3, 4)
    assert (config.mapping_layers, config.mapping_width) == (3, 5)


@pytest.mark.parametrize(
    ("options", "fused_from"),
    [
        ({}, 128),
        ({"fused_scale": "auto"}, 128),
        ({"fused_scale": "auto", "fused_scale_res": 16}, 16),
        ({"fused_scale": True}, 0),
        ({"fused_scale": False, "fused_scale_res": 8}, 9999),
    ],
)
def test_options_say_which_kernels_are_fused(options: dict[str, Any], fused_from: int) -> None:
    state = hammer_stylegan(CHANNELS)
    w = torch.randn(1, 6, generator=torch.Generator().manual_seed(0))
    hammer = under("models.generator.", state) | under("model_kwargs_init.generator.", options)
    official = under("Gs.", tensorflow_stylegan(state)) | under("Gs.static_kwargs.", options)
    for form, content in ((HAMMER, hammer), (TENSORFLOW, official)):
        image = form.build(content).render(Codes(Space.W, w))
        torch.testing.assert_close(
            image, naive_stylegan(state, w, fused_from), rtol=1e-4, atol=1e-4
        )


def test_other_options() -> None:
    made_with = {"eps": 1e-5, "mapping_lr_mul": 0.02, "repeat_w": True, "resolution": 16}
    content = under("models.generator_smooth.", hammer_stylegan(CHANNELS))
    content |= under("model_kwargs_init.generator_smooth.", made_with)
    config = HAMMER.build(content).config
    assert (config.pixel_norm_eps, config.instance_norm_eps) == (1e-5, 1e-5)
    assert config.mapping_lr_multiplier == 0.02
    official = under("Gs.", tensorflow_stylegan(hammer_stylegan(CHANNELS)))
    official |= {
        "Gs.version": 3,
        "Gs.build_module_src": "exit()",
        "Gs.components.mapping.name": "m",
    }
    official |= {"Gs.components.mapping.static_kwargs.mapping_lrmul": 0.03}
    assert TENSORFLOW.build(official).config.mapping_lr_multiplier == 0.03


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"noise_type": "channel"}, "made with noise_type=channel; only spatial is known"),
        ({"final_tanh": True}, "made with final_tanh=True; only False is known"),
        ({"fused_scale": "often"}, "fused_scale=often must be True, False or auto"),
        ({"eps": "small"}, "the option eps=small must be a number"),
    ],
)
def test_options_that_are_not_known(option: dict[str, Any], message: str) -> None:
    content = under("models.generator.", hammer_stylegan(CHANNELS))
    with pytest.raises(UserError, match=message):
        HAMMER.build(content | under("model_kwargs_init.generator.", option))


def changed(form: Form, change: dict[str, Any]) -> dict[str, Any]:
    """A content of a form with other entries; None removes one."""
    state = hammer_stylegan(CHANNELS)
    states = {HAMMER: state, GENFORCE: older(state), TENSORFLOW: tensorflow_stylegan(state)}
    return {k: x for k, x in (states[form] | change).items() if x is not None}


@pytest.mark.parametrize(
    ("form", "change", "message"),
    [
        (HAMMER, {"w_avg": None}, r"^stylegan-hammer: the file lacks the tensors w_avg \(1\)"),
        (HAMMER, {"synthesis.layer2.weight": None}, "lacks the tensors synthesis.layer2.weight"),
        (HAMMER, {"synthesis.layer5.bias": None}, "lacks the tensors synthesis.layer5.bias"),
        (HAMMER, {"synthesis.extra": torch.ones(1)}, "has unknown tensors synthesis.extra"),
        (
            HAMMER,
            {"synthesis.layer5.bias": torch.ones(4)},
            "layer4.bias of shape .3,. does not fit",
        ),
        (HAMMER, {"synthesis.layer1.noise": torch.ones(1, 2, 4, 4)}, "layer1.noise of shape"),
        (
            HAMMER,
            {"synthesis.lod": torch.tensor(1.5)},
            r"in the middle of its growth \(lod = 1.5\)",
        ),
        (
            HAMMER,
            {"synthesis.layer2.filter": torch.ones(1, 1, 3, 3)},
            "blur filter synthesis.layer2",
        ),
        (HAMMER, {"mapping.dense0.weight": torch.ones(5)}, "mapping.dense0.weight of shape"),
        (
            GENFORCE,
            {"truncation.w_avg": None},
            "^stylegan-genforce: the file lacks the tensors trunc",
        ),
        (
            TENSORFLOW,
            {"variables.dlatent_avg": None},
            "^stylegan-tensorflow: .* lacks .* dlatent_avg",
        ),
        (TENSORFLOW, {"variables.lod": torch.ones(())}, "in the middle of its growth"),
        (TENSORFLOW, {"variables.b": torch.ones(1)}, r"has unknown tensors b \(1\)"),
        (
            TENSORFLOW,
            {"components.synthesis.variables.8x8/Conv1/weight": torch.ones(3)},
            "8x8/Conv1/weight of shape .3,. does not fit",
        ),
    ],
)
def test_files_that_do_not_fit(form: Form, change: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        form.build(changed(form, change))
    assert "\n" not in str(error.value)


def test_other_networks_are_not_recognised(oracle: Oracle) -> None:
    for case in ("stylegan2_hammer_a", "tf_stylegan2_a", "pggan_hammer_a", "tf_pggan_a"):
        tensors, _ = oracle(case)
        state = {k.removeprefix("state."): x for k, x in tensors.items() if k.startswith("state.")}
        assert not any(form.recognise(state) for form in FORMS), case
        mine = [form.name for form in pggan.FORMS if form.recognise(state)]
        assert len(mine) == case.count("pggan"), case
