"""Small random BigGANs and pix2pixHDs to test with, and comparisons."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.func import jvp, vmap

from pipeline.generators.base import Codes, Generator, Space
from pipeline.generators.biggan import BigGAN, BigGANConfig
from pipeline.generators.biggan_deep import BigGANDeep, BigGANDeepConfig
from pipeline.generators.layers_biggan import Spectral, StoredBatchNorm
from pipeline.generators.pix2pixhd import Pix2PixHD, Pix2PixHDConfig

G = TypeVar("G", bound=Generator)

SMALL = {"attention": (1,), "num_classes": 5, "shared_dim": 6}


def randomise(network: nn.Module, seed: int = 0) -> None:
    """Random values in every tensor, with vectors that belong to the weights."""
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in network.state_dict().values():
            fan_in = max(tensor[0].numel(), 1) if tensor.ndim else 1
            values = torch.randn(tensor.shape, generator=random, dtype=torch.float64)
            tensor.copy_(values / fan_in**0.5)
        for module in network.modules():
            if isinstance(module, StoredBatchNorm):
                module.stored_var.copy_(module.stored_var.abs() + 0.5)
            if isinstance(module, Spectral):
                module.u0.copy_(nn.functional.normalize(module.u0))
            if isinstance(module, Spectral) and module.v0 is not None:
                module.v0.copy_(nn.functional.normalize(module.u0 @ module.weight.flatten(1)))


def ready(network: G, dtype: torch.dtype) -> G:
    """The network with random values, frozen."""
    randomise(network.to(dtype))
    return network.eval().requires_grad_(False)


def small_biggan(dtype: torch.dtype = torch.float64, **changes: Any) -> BigGAN:
    """A BigGAN of 16 x 16 pixels."""
    config = BigGANConfig(channels=(8, 8, 6), **{**SMALL, "z_dim": 9, **changes})
    return ready(BigGAN(config), dtype)


def small_deep(dtype: torch.dtype = torch.float64, **changes: Any) -> BigGANDeep:
    """A BigGAN-deep of 16 x 16 pixels."""
    shape = {"channels": (12, 12, 8, 8, 4), "up": (False, True, False, True), "z_dim": 3}
    return ready(BigGANDeep(BigGANDeepConfig(**{**SMALL, **shape, **changes})), dtype)


def like_huggingface(dtype: torch.dtype = torch.float64) -> BigGANDeep:
    """A BigGAN-deep with the options of Hugging Face's port."""
    options = {"stored_vectors": True, "rgb_outputs": 4, "bn_eps": 1e-4, "output_eps": 1e-4}
    return small_deep(dtype, z_dim=6, statistics=11, **options)


def small_pix2pixhd(dtype: torch.dtype = torch.float64, **changes: Any) -> Pix2PixHD:
    """A pix2pixHD for label maps of four classes with instances."""
    sizes = {"input_channels": 5, "base_channels": 3, "downsamplings": 1, "blocks": 2}
    return ready(Pix2PixHD(Pix2PixHDConfig(**{**sizes, "enhancer_blocks": 1, **changes})), dtype)


def some_codes(generator: BigGAN | BigGANDeep, n: int = 3) -> Codes:
    """Codes with labels, in the type of the generator."""
    codes = generator.sample(n, torch.Generator().manual_seed(1))
    return codes.with_values(codes.values.to(generator.linear.weight.dtype))


def features(generator: Generator, codes: Codes, **options: Any) -> dict[str, Tensor]:
    """What the hook sees, by name, and the ``image``."""
    seen: dict[str, Tensor] = {}

    def hook(name: str, x: Tensor) -> Tensor:
        seen[name] = x
        return x

    image = generator.render(codes, hook=hook, **options)  # type: ignore[call-arg]
    return {**seen, "image": image}


def close(actual: Tensor, expected: Tensor, atol: float = 1e-5) -> None:
    """Equal within a fraction of the largest value (of 1 at least)."""
    scale = float(expected.abs().max().clamp(min=1))
    torch.testing.assert_close(actual, expected, rtol=0, atol=atol * scale)


def check_derivative(function: Callable[[Tensor], Tensor], point: Tensor) -> None:
    """Forward mode, two directions at once, against central differences."""
    random = torch.Generator().manual_seed(3)
    directions = torch.randn(2, *point.shape, generator=random, dtype=point.dtype)
    directions = directions / directions.flatten(1).norm(dim=1).reshape(2, *[1] * point.ndim)
    forward = vmap(lambda tangent: jvp(function, (point,), (tangent,))[1])(directions)
    step = 1e-7  # small, so that no unit crosses its kink
    for direction, derivative in zip(directions, forward, strict=True):
        ahead, behind = function(point + step * direction), function(point - step * direction)
        assert derivative.abs().max() > 1e-3
        torch.testing.assert_close(derivative, (ahead - behind) / (2 * step), rtol=1e-4, atol=1e-6)


def z_codes(tensors: Mapping[str, Tensor], labels: str) -> Codes:
    """The recorded codes of a case."""
    return Codes(Space.Z, tensors["in.z"], tensors[f"in.{labels}"])


def state_of(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The recorded state of a case, under the reference's names."""
    return {k.removeprefix("state."): x for k, x in tensors.items() if k.startswith("state.")}
