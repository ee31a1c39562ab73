"""pix2pixHD: recorded outputs, label maps, derivatives, sizes, kernels and errors."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Space
from pipeline.generators.checkpoints.pix2pixhd import build
from pipeline.generators.label_maps import LabelMaps, instance_edges
from pipeline.generators.pix2pixhd import Pix2PixHD
from tests.conftest import Oracle
from tests.generators.conditional import (
    check_derivative,
    close,
    features,
    small_pix2pixhd,
    state_of,
)

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is")
"""PyTorch's own forward mode warns of itself when it is first used."""

ORACLES = ["pix2pixhd_global_a", "pix2pixhd_local_a"]


def some_maps(n: int = 3, height: int = 16, width: int = 32) -> LabelMaps:
    random = torch.Generator().manual_seed(5)
    classes = torch.randint(4, (n, height, width), generator=random)
    return LabelMaps(classes, torch.randint(3, (n, height, width), generator=random))


def double_codes(generator: Pix2PixHD, maps: LabelMaps) -> Codes:
    encoded = maps.encode(generator.config.input_channels)
    return replace(generator.codes(maps), labels=encoded.double())


@pytest.fixture(params=[0, 1, 2])
def network(request: pytest.FixtureRequest) -> Pix2PixHD:
    return small_pix2pixhd(enhancers=request.param)


@pytest.mark.parametrize("name", ORACLES)
def test_oracle(name: str, oracle: Oracle) -> None:
    t, _ = oracle(name)
    generator = build(state_of(t))
    maps = LabelMaps(t["in.label"][:, 0], t["in.instance"][:, 0])
    codes = generator.codes(maps)
    assert torch.equal(maps.encode(generator.config.input_channels), t["in.input"])
    seen = features(generator, codes)
    close(seen["image"], t["out.image"])
    close(generator.render(replace(codes, labels=t["in.input_soft"])), t["out.image_soft"])
    for key in (k.removeprefix("out.act.") for k in t if k.startswith("out.act.")):
        close(seen[last_layer(key, seen)], t[f"out.act.{key}"])


def last_layer(name: str, seen: dict[str, Tensor]) -> str:
    """The layer itself, or the last one of a whole part."""
    return name if name in seen else [k for k in seen if k.startswith(f"{name}.")][-1]


def test_each_enhancer_reads_its_own_size() -> None:
    network = small_pix2pixhd(enhancers=2)
    codes = double_codes(network, some_maps(1))
    seen = features(network, codes)
    sizes = [codes.labels]
    for _ in range(2):
        sizes.append(F.avg_pool2d(sizes[-1], 3, 2, padding=1, count_include_pad=False))
    for part, maps in zip(("model2_1", "model1_1", "model"), sizes, strict=True):
        assert torch.equal(seen[f"{part}.0"], F.pad(maps, (3, 3, 3, 3), mode="reflect"))
    before = "model"
    for number in (1, 2):
        halves = (seen[last_layer(part, seen)] for part in (before, f"model{number}_1"))
        block = network.get_submodule(f"model{number}_2.0")
        assert torch.equal(seen[f"model{number}_2.0"], block(sum(halves), {}))
        before = f"model{number}_2"
    assert torch.equal(seen["image"], seen[last_layer("model2_2", seen)])


def test_edges() -> None:
    instances = torch.tensor([[[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 2, 2]]])
    expected = torch.tensor([[[0, 0, 0, 0], [0, 0, 1, 1], [0, 1, 1, 1]]])
    assert torch.equal(instance_edges(instances), expected.float())


def test_encoding_without_instances() -> None:
    maps = LabelMaps(torch.tensor([[[0, 2], [1, 1]]]))
    encoded = maps.encode(3)
    assert torch.equal(encoded.argmax(dim=1), maps.classes) and torch.equal(
        encoded.sum(dim=1), torch.ones(1, 2, 2)
    )


def test_codes_carry_a_pixel_in_two_bytes(network: Pix2PixHD) -> None:
    codes = network.codes(some_maps())
    assert codes.labels is not None
    assert codes.labels.dtype == torch.uint8 and codes.labels.shape == (3, 2, 16, 32)
    assert torch.equal(network.render(codes), network.render(double_codes(network, some_maps())))


def test_derivative_in_the_label_map(network: Pix2PixHD) -> None:
    codes = double_codes(network, some_maps(1))
    check_derivative(lambda m: network.render(replace(codes, labels=m[None]))[0], codes.labels[0])


@pytest.mark.parametrize("name", ["model.1", "model.9", "model.7.conv_block.5"])
def test_derivative_in_a_kernel(name: str) -> None:
    network = small_pix2pixhd()
    codes = double_codes(network, some_maps(1))
    zero = torch.zeros_like(network.get_parameter(f"{name}.weight"))
    check_derivative(lambda s: network.render(codes, shifts={name: s})[0], zero)


def test_reverse_mode_agrees(network: Pix2PixHD) -> None:
    codes = double_codes(network, some_maps(1))

    def function(factor: Tensor) -> Tensor:
        return network.render(replace(codes, labels=codes.labels * factor))[0, 0, 3, :4]

    one = torch.ones(1, dtype=torch.float64)
    jacobian = torch.func.jacfwd(function)(one)
    torch.testing.assert_close(jacobian, torch.func.jacrev(function)(one))


def test_batches_of_any_size(network: Pix2PixHD) -> None:
    codes = double_codes(network, some_maps(3, 32, 16))
    together = network.render(codes)
    assert together.shape == (3, 3, 32, 16) and together.std() > 0.05
    for i in range(3):
        torch.testing.assert_close(network.render(codes[i : i + 1]), together[i : i + 1])


@pytest.mark.parametrize("name", ["model.1", "model.4", "model.9", "model.7.conv_block.1"])
def test_kernel_shifts(name: str) -> None:
    network = small_pix2pixhd()
    codes = double_codes(network, some_maps(2))
    kernel = network.get_parameter(f"{name}.weight")
    step = torch.randn(kernel.shape, generator=torch.Generator().manual_seed(2)).double()
    each = network.render(codes, shifts={name: torch.stack([torch.zeros_like(step), step])})
    torch.testing.assert_close(each[:1], network.render(codes[:1]))
    torch.testing.assert_close(each[1:], network.render(codes[1:], shifts={name: step}))
    kernel.add_(step)
    torch.testing.assert_close(each[1:], network.render(codes[1:]))


def test_a_hook_replaces_features(network: Pix2PixHD) -> None:
    codes = double_codes(network, some_maps(1))
    last = [name for name in features(network, codes) if name != "image"][-1]
    assert (network.render(codes, hook=lambda n, x: x * 0 if n == last else x) == 0).all()


def test_sampling_draws_label_maps() -> None:
    network = small_pix2pixhd(torch.float32)
    network.label_maps = some_maps(4)
    codes = network.sample(4, torch.Generator().manual_seed(0))
    again = network.sample(4, torch.Generator().manual_seed(0))
    assert codes.labels is not None and torch.equal(codes.labels, again.labels)
    assert len(codes) == 4 and len({bytes(m.numpy()) for m in codes.labels}) == 4
    assert network.render(codes).shape == (4, 3, 16, 32)
    with pytest.raises(UserError, match="has 4 label maps; 5 codes"):
        network.sample(5, torch.Generator())


def test_sampling_without_label_maps() -> None:
    with pytest.raises(UserError, match="generator.label_maps=FOLDER"):
        small_pix2pixhd().sample(1, torch.Generator())


def test_impossible_maps(network: Pix2PixHD) -> None:
    classes, instances = some_maps().classes, some_maps().instances
    cases = {
        r"classes in 0\.\.3": LabelMaps(classes + 1, instances),
        r"\[n, height, width\]": LabelMaps(classes, instances[:, 1:]),
    }
    for message, maps in cases.items():
        with pytest.raises(UserError, match=message):
            network.codes(maps)


def test_impossible_codes() -> None:
    network = small_pix2pixhd(enhancers=1)
    codes = network.codes(some_maps(1, 10, 16))
    with pytest.raises(UserError, match="multiples of 4 and at least 8; these are 10 x 16"):
        network.render(codes)
    with pytest.raises(UserError, match=r"\[n, 5, height, width\]; these are None"):
        network.render(replace(codes, labels=None))
    with pytest.raises(UserError, match="no latent codes"):
        network.convert(codes, Space.Z)
    with pytest.raises(UserError, match="Unknown layer 'model.2'"):
        network.render(network.codes(some_maps()), shifts={"model.2": torch.zeros(1)})
