"""BigGAN and BigGAN-deep: recorded outputs, derivatives, codes, kernels and errors."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Space
from pipeline.generators.biggan import BigGAN, BigGANConfig
from pipeline.generators.biggan_deep import BigGANDeep, BigGANDeepConfig, statistics_weights
from pipeline.generators.checkpoints.biggan import build_biggan, build_deep
from pipeline.generators.checkpoints.biggan_huggingface import build
from pipeline.generators.class_conditional import truncated_normal
from pipeline.generators.layers_biggan import spectral_sigma
from tests.conftest import Oracle
from tests.generators.conditional import (
    check_derivative,
    close,
    features,
    like_huggingface,
    small_biggan,
    small_deep,
    some_codes,
    state_of,
    z_codes,
)

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is")
"""PyTorch's own forward mode warns of itself when it is first used."""

Network = BigGAN | BigGANDeep
MAKERS = [small_biggan, small_deep, like_huggingface]


@pytest.fixture(params=MAKERS, ids=lambda make: make.__name__)
def network(request: pytest.FixtureRequest) -> Network:
    return request.param()


AJBROCK_LAYERS = {
    "biggan_ajbrock_a": (build_biggan, ["0.0", "1.0", "1.1", "2.0"]),
    "biggan_deep_ajbrock_a": (build_deep, ["0.0", "1.0", "2.0", "3.0", "3.1", "4.0", "5.0"]),
}


@pytest.mark.parametrize("name", AJBROCK_LAYERS)
def test_ajbrock_oracle(name: str, oracle: Oracle) -> None:
    t, _ = oracle(name)
    build_it, layers = AJBROCK_LAYERS[name]
    generator, codes = build_it(state_of(t)), z_codes(t, "y")
    seen = features(generator, codes)
    close(seen["image"], t["out.image"])
    close(generator.embed(codes), t["out.embed"])
    close(seen["linear"].flatten(1), t["out.act.linear"])
    for key in (k for k in t if k.startswith("out.act.blocks.")):
        close(seen[f"layers.{layers.index(key.removeprefix('out.act.blocks.'))}"], t[key])
    unlabelled = Codes(Space.Z, codes.values)
    custom = generator.render(unlabelled, embedding=t["in.embed_custom"])
    close(custom, t["out.image_custom_embed"])


def test_huggingface_oracle(oracle: Oracle) -> None:
    t, _ = oracle("biggan_deep_hf_a")
    generator, codes = build(state_of(t)), z_codes(t, "class_label")
    close(generator.render(codes), t["out.image_trunc1.0"])
    generator.truncation = 0.73
    close(generator.render(codes), t["out.image_trunc0.73"])
    generator.compat = False
    assert (generator.render(codes) - t["out.image_trunc0.73"]).abs().max() > 1e-2
    generator.truncation = 0.4
    seen = features(generator, codes)
    close(seen["image"], t["out.image_trunc0.4"])
    close(generator.embed(codes), t["out.act.embed"])
    close(seen["linear"].permute(0, 2, 3, 1).flatten(1), t["out.act.gen_z"])
    for key in (k for k in t if k.startswith("out.act.layers.")):
        close(seen[key.removeprefix("out.act.")], t[key])


def test_the_oracle_sees_the_power_iteration(oracle: Oracle) -> None:
    t, _ = oracle("biggan_ajbrock_a")
    generator = build_biggan(state_of(t))
    generator.to_rgb.u0.copy_(generator.to_rgb.u0.roll(1))
    assert (generator.render(z_codes(t, "y")) - t["out.image"]).abs().max() > 1e-4


def test_sigma() -> None:
    weight = torch.diag(torch.tensor([3.0, 2.0]))
    u = torch.tensor([[0.6, 0.8]])
    v = torch.tensor([[0.0, 1.0]])
    assert spectral_sigma(weight, u, v).item() == pytest.approx(1.6)
    moved = torch.nn.functional.normalize(u @ weight)
    assert spectral_sigma(weight, u).item() == pytest.approx(float((moved @ weight.T).norm()))


@pytest.mark.parametrize(
    ("truncation", "row", "mistaken"),
    [(0.14, 7, 8), (0.28, 14, 15), (0.56, 28, 29), (0.58, 29, 28), (0.94, 47, 46), (0.4, 20, 20)],
)
def test_statistics_that_the_port_mistakes(truncation: float, row: int, mistaken: int) -> None:
    assert statistics_weights(51, truncation).argmax() == mistaken
    assert statistics_weights(51, truncation, compat=False).argmax() == row


@pytest.mark.parametrize(("compat", "expected"), [(True, [0.3, 0.7]), (False, [0.7, 0.3])])
def test_statistics_between_rows(compat: bool, expected: list[float]) -> None:
    weights = statistics_weights(11, 0.73, compat)
    torch.testing.assert_close(weights[7:9], torch.tensor(expected))
    assert weights.sum() == 1 and weights.count_nonzero() == 2


@pytest.mark.parametrize("rows", [1, 2, 11, 50, 51])
def test_statistics_at_full_truncation(rows: int) -> None:
    assert statistics_weights(rows, 1.0, compat=False)[-1] == pytest.approx(1)
    assert statistics_weights(rows, 1.0).sum() == pytest.approx(1)


def test_derivative_in_z(network: Network) -> None:
    codes = some_codes(network, 1)
    check_derivative(lambda z: network.render(codes.with_values(z[None]))[0], codes.values[0])


def test_derivative_in_the_class_embedding(network: Network) -> None:
    codes = some_codes(network, 1)
    embedding = network.embed(codes)[0]
    check_derivative(lambda e: network.render(codes, embedding=e[None])[0], embedding)


def test_derivative_in_a_kernel() -> None:
    network = small_biggan()
    codes, zero = some_codes(network, 1), torch.zeros(6, 8, 3, 3, dtype=torch.float64)
    check_derivative(lambda s: network.render(codes, shifts={"layers.2.conv1": s})[0], zero)


def test_reverse_mode_agrees(network: Network) -> None:
    codes = some_codes(network, 1)

    def function(z: Tensor) -> Tensor:
        return network.render(codes.with_values(z))[0, 0, 3, :4]

    forward = torch.func.jacfwd(function)(codes.values)
    torch.testing.assert_close(forward, torch.func.jacrev(function)(codes.values))


def test_batches(network: Network) -> None:
    codes = some_codes(network, 3)
    together = network.render(codes)
    assert together.shape == (3, 3, 16, 16) and together.std() > 0.05
    for i in range(3):
        torch.testing.assert_close(network.render(codes[i : i + 1]), together[i : i + 1])


def test_labels_may_be_mixed(network: Network) -> None:
    codes = some_codes(network, 1)
    weights = torch.tensor([[0.25, 0, 0.75, 0, 0]])
    mixed = Codes(Space.Z, codes.values, weights)
    table = network.get_parameter("shared.weight")
    torch.testing.assert_close(network.embed(mixed), 0.25 * table[:1] + 0.75 * table[2:3])


def test_sampling(network: Network) -> None:
    network.truncation, network.classes = 0.5, [1, 3]
    codes = network.sample(200, torch.Generator().manual_seed(0))
    again = network.sample(200, torch.Generator().manual_seed(0))
    assert torch.equal(codes.values, again.values)
    assert codes.labels is not None and set(codes.labels.tolist()) == {1, 3}
    assert 0.95 < codes.values.abs().max() <= 1
    network.truncation, network.classes = None, None
    free = network.sample(200, torch.Generator().manual_seed(0))
    assert free.labels is not None and set(free.labels.tolist()) == set(range(5))
    assert free.values.abs().max() > 2


def test_truncated_normal_has_its_variance() -> None:
    z = truncated_normal(4000, 5, torch.Generator().manual_seed(0))
    assert z.abs().max() <= 2 and z.mean().abs() < 0.02
    assert z.var().item() == pytest.approx(0.7737, abs=0.02)  # 1 - 4 phi(2) / (2 Phi(2) - 1)


def test_a_chunk_of_z_acts_from_its_layer_on() -> None:
    network = small_biggan()
    assert network.z_slices == {
        "linear": slice(0, 3),
        "layers.0": slice(3, 6),
        "layers.2": slice(6, 9),
    }
    codes = some_codes(network, 1)
    moved = codes.values.clone()
    moved[:, network.z_slices["layers.2"]] += 1
    before, after = features(network, codes), features(network, codes.with_values(moved))
    changed = [name for name in before if not torch.equal(before[name], after[name])]
    assert changed == ["layers.2", "to_rgb", "image"]


def test_plain_and_unshared_variants() -> None:
    plain = small_biggan(hierarchical=False)
    assert plain.z_slices == {"linear": slice(0, 9)}
    own = small_biggan(hierarchical=False, shared_dim=0, attention=())
    assert not any(name.startswith("shared") for name in own.state_dict())
    for network in (plain, own):
        codes = some_codes(network, 2)
        assert not torch.equal(network.render(codes)[0], network.render(codes)[1])


def test_kernel_shifts(network: Network) -> None:
    codes = some_codes(network, 2)
    before = features(network, codes)
    weight = network.to_rgb.weight
    bias = network.to_rgb.bias[:3, None, None]
    doubled = features(network, codes, shifts={"to_rgb": weight})
    torch.testing.assert_close(doubled["to_rgb"] - bias, 2 * (before["to_rgb"] - bias))
    name = "layers.0.conv2"
    kernel = network.get_parameter(f"{name}.weight")
    each = torch.stack([torch.zeros_like(kernel), 0.5 * kernel])
    images = network.render(codes, shifts={name: each})
    torch.testing.assert_close(images[0], before["image"][0])
    alone = network.render(codes[1:], shifts={name: each[1]})
    torch.testing.assert_close(images[1:], alone)
    assert (images[1] - before["image"][1]).abs().max() > 1e-3


def test_a_hook_replaces_features(network: Network) -> None:
    codes = some_codes(network, 2)
    black = network.render(codes, hook=lambda n, x: x * 0 - 9 if n == "to_rgb" else x)
    assert (black < -0.99).all()


def test_fingerprint_follows_weights_and_architecture() -> None:
    assert small_biggan().fingerprint == small_biggan().fingerprint
    assert small_biggan().fingerprint != small_biggan(bn_eps=1e-3).fingerprint


BIGGAN = {"channels": (8, 8), "z_dim": 4, "num_classes": 3, "shared_dim": 2}
DEEP = {"channels": (8, 8), "up": (True,)}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BigGANConfig(**{**BIGGAN, "channels": (8,)}), "at least one block"),
        (lambda: BigGANConfig(**BIGGAN, attention=(2,)), r"blocks in 0\.\.1"),
        (lambda: BigGANConfig(**{**BIGGAN, "channels": (8, 4)}, attention=(1,)), "8 channels"),
        (lambda: BigGANConfig(**{**BIGGAN, "z_dim": 5}), "multiple of 2"),
        (lambda: BigGANConfig(**{**BIGGAN, "shared_dim": 0}), "shared_dim of at least 1"),
        (lambda: BigGANDeepConfig(**{**DEEP, "channels": (8, 12)}), "must not grow"),
        (lambda: BigGANDeepConfig(**{**DEEP, "up": ()}), "one entry for each block"),
        (lambda: BigGANDeepConfig(**DEEP, rgb_outputs=2), "at least 3"),
        (lambda: BigGAN(BigGANConfig(**BIGGAN), truncation=1.5), r"truncation=1.5 .* \(0, 1\]"),
        (lambda: BigGAN(BigGANConfig(**BIGGAN), classes=[3]), r"classes=\[3\] .* 0\.\.2"),
        (lambda: BigGAN(BigGANConfig(**BIGGAN), classes=[]), r"classes=\[\]"),
    ],
)
def test_impossible_networks(make: Callable[[], object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        make()


def test_impossible_codes(network: Network) -> None:
    codes = some_codes(network, 2)
    cases = {
        "need labels": Codes(Space.Z, codes.values),
        r"0\.\.4": Codes(Space.Z, codes.values, torch.tensor([0, 5])),
        "of shape": Codes(Space.Z, codes.values[:, 1:], codes.labels),
        "its codes are z": Codes(Space.W, codes.values, codes.labels),
    }
    for message, wrong in cases.items():
        with pytest.raises(UserError, match=message):
            network.render(wrong)
    with pytest.raises(UserError, match="into 'w'"):
        network.convert(codes, Space.W)
    with pytest.raises(UserError, match="Unknown layer 'to_rbg'.*to_rgb"):
        network.render(codes, shifts={"to_rbg": torch.zeros(1)})
