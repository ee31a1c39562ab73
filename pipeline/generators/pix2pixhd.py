"""pix2pixHD (Wang et al. 2018, section 3.1): label maps to images, coarse to fine.

Layers carry the names of the official release, so its tensors load by name.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Generator, Space
from pipeline.generators.label_maps import LabelMaps, LabelSource, one_hot
from pipeline.generators.layers_pix2pixhd import (
    Shifts,
    apply,
    doubling,
    entry,
    halving,
    residual,
    to_image,
)
from pipeline.generators.progressive import check_shifts
from pipeline.generators.synthesis import ActivationHook


@dataclass(frozen=True, kw_only=True)
class Pix2PixHDConfig:
    """Architecture of a pix2pixHD generator; the values are those of Cityscapes at 512 x 1024.

    Attributes:
        input_channels: of the input: one per class, and one of instance boundaries where used.
        base_channels: of the first layer at full size.
        downsamplings: of the global generator.
        blocks: residual blocks of the global generator.
        enhancers: local enhancers around the global generator, each doubles the size.
        enhancer_blocks: residual blocks of each enhancer.
        resolution: usual height of the images; label maps decide the actual one.
    """

    input_channels: int = 36
    base_channels: int = 64
    downsamplings: int = 4
    blocks: int = 9
    enhancers: int = 0
    enhancer_blocks: int = 3
    resolution: int = 512

    @property
    def global_channels(self) -> int:
        """Channels of the global generator's first layer."""
        return int(self.base_channels * 2**self.enhancers)


def global_layers(config: Pix2PixHDConfig) -> nn.Sequential:
    """The global generator; without its last layers where enhancers follow."""
    widths = [config.global_channels * 2**i for i in range(config.downsamplings + 1)]
    return nn.Sequential(
        *entry(config.input_channels, widths[0]),
        *(layer for width in widths[:-1] for layer in halving(width)),
        *residual(widths[-1], config.blocks),
        *(layer for width in widths[-2::-1] for layer in doubling(width)),
        *([] if config.enhancers else to_image(widths[0])),
    )


def enhancer_layers(config: Pix2PixHDConfig, number: int) -> tuple[nn.Sequential, nn.Sequential]:
    """The two halves of an enhancer, which is 1 for the coarsest."""
    width = config.base_channels * 2 ** (config.enhancers - number)
    first = nn.Sequential(*entry(config.input_channels, width), *halving(width))
    second = nn.Sequential(
        *residual(2 * width, config.enhancer_blocks),
        *doubling(width),
        *(to_image(width) if number == config.enhancers else []),
    )
    return first, second


class Pix2PixHD(Generator):
    """pix2pixHD with access to features and kernels; it paints label maps and has no latent.

    Codes carry the conditioning in ``labels`` and have empty values; make them with :meth:`codes`.
    Labels are integers as :meth:`LabelMaps.compact` gives them, or ``[n, input_channels, h, w]`` as
    :meth:`LabelMaps.encode` does (or soft, and differentiable).

    Args:
        config: the architecture.
        label_maps: what :meth:`sample` draws from.
    """

    spaces = frozenset({Space.ACTIVATIONS, Space.PARAMETERS})

    def __init__(self, config: Pix2PixHDConfig, label_maps: LabelSource | None = None) -> None:
        super().__init__()
        self.name, self.config, self.resolution = "pix2pixhd", config, config.resolution
        self.label_maps = label_maps
        self.model = global_layers(config)
        for number in range(1, config.enhancers + 1):
            first, second = enhancer_layers(config, number)
            self.add_module(f"model{number}_1", first)
            self.add_module(f"model{number}_2", second)

    @property
    def architecture(self) -> str:
        """The configuration as JSON."""
        return json.dumps(asdict(self.config))

    def codes(self, maps: LabelMaps) -> Codes:
        """Codes of label maps.

        Raises:
            UserError: the maps do not fit the network's input.
        """
        device = self.get_parameter("model.1.weight").device
        labels = maps.compact(self.config.input_channels).to(device)
        return Codes(Space.ACTIVATIONS, torch.zeros(len(maps), 0, device=device), labels)

    @property
    def kernels(self) -> dict[str, Tensor]:
        """The kernels of all convolutions; ``[in, out, k, k]`` where they double the size."""
        return {name: layer.weight for name, layer in self._convolutions().items()}

    @property
    def population(self) -> int | None:
        """The number of its label maps."""
        return None if self.label_maps is None else len(self.label_maps)

    @property
    def sampling(self) -> dict[str, Any]:
        """The label maps."""
        return {"label_maps": None if self.label_maps is None else self.label_maps.fingerprint}

    def sample(self, n: int, generator: torch.Generator) -> Codes:
        """Codes of ``n`` of the label maps, no map twice.

        Raises:
            UserError: there are no label maps, or not enough of them.
        """
        if self.label_maps is None:
            raise UserError(
                f"generator={self.name} has no latent to sample: it paints label maps, and none "
                "were given. Give a folder of them: generator.label_maps=FOLDER (in Python: "
                "generator.label_maps = LabelMaps(classes, instances))."
            )
        if n > len(self.label_maps):
            raise UserError(
                f"generator={self.name} has {len(self.label_maps)} label maps; {n} codes were "
                "asked for. Ask for fewer, or give more maps."
            )
        chosen = torch.randperm(len(self.label_maps), generator=generator)[:n]
        return self.codes(self.label_maps[chosen])

    def convert(self, codes: Codes, space: Space) -> Codes:
        """The codes themselves: label maps are nothing else in another space.

        Raises:
            UserError: another space is asked for.
        """
        if codes.space != Space.ACTIVATIONS or space != Space.ACTIVATIONS:
            raise UserError(
                f"generator={self.name} cannot turn codes of '{codes.space}' into '{space}': it "
                "paints label maps and has no latent codes."
            )
        return codes

    def render(
        self,
        codes: Codes,
        shifts: Mapping[str, Tensor] | None = None,
        hook: ActivationHook | None = None,
    ) -> Tensor:
        """Images of label maps, ``[n, 3, h, w]`` in [-1, 1], in the size of the maps.

        Args:
            codes: with label maps as labels.
            shifts: what to add to the kernels of named convolutions (``model.1``,
                ``model.10.conv_block.1``, ...), in the layout of the kernel or one per sample; the
                network itself stays as it is.
            hook: sees, and may replace, the output of every layer: ``model.0``, ``model.1``, ...

        Raises:
            UserError: the label maps or a shift do not fit the network.
        """
        self.convert(codes, Space.ACTIVATIONS)
        maps, kernels = self._fitting(codes.labels), self._checked(shifts or {})
        hook = hook or (lambda _name, x: x)
        sizes = [maps]
        for _ in range(self.config.enhancers):
            sizes.append(F.avg_pool2d(sizes[-1], 3, 2, padding=1, count_include_pad=False))
        x = self._run("model", sizes.pop(), kernels, hook)
        for number in range(1, self.config.enhancers + 1):
            x = x + self._run(f"model{number}_1", sizes.pop(), kernels, hook)
            x = self._run(f"model{number}_2", x, kernels, hook)
        return x

    def _run(self, part: str, x: Tensor, shifts: Shifts, hook: ActivationHook) -> Tensor:
        for name, layer in self.get_submodule(part).named_children():
            x = hook(f"{part}.{name}", apply(layer, x, shifts))
        return x

    def _checked(self, shifts: Mapping[str, Tensor]) -> dict[nn.Module, Tensor]:
        layers = self._convolutions()
        check_shifts(shifts, self.kernels)
        return {layers[name]: shift for name, shift in shifts.items()}

    def _convolutions(self) -> dict[str, nn.Conv2d | nn.ConvTranspose2d]:
        kinds = (nn.Conv2d, nn.ConvTranspose2d)
        return {k: m for k, m in self.named_modules() if isinstance(m, kinds)}

    def _fitting(self, maps: Tensor | None) -> Tensor:
        """The label maps as the network can take them."""
        channels, shape = self.config.input_channels, None if maps is None else list(maps.shape)
        if maps is not None and not maps.is_floating_point() and maps.ndim == 4:
            maps = one_hot(maps, channels).to(self.get_parameter("model.1.weight").dtype)
        if maps is None or maps.ndim != 4 or maps.shape[1] != channels:
            raise UserError(
                f"generator={self.name} needs label maps as the labels of its codes, "
                f"[n, {channels}, height, width]; these are {shape}. Make codes with "
                "generator.codes(LabelMaps(classes, instances))."
            )
        factor = 2 ** (self.config.downsamplings + self.config.enhancers)
        least = max(2 * factor, 4 * 2**self.config.enhancers)  # what reflection can pad
        whole = not self.config.enhancers or all(side % factor == 0 for side in maps.shape[2:])
        if min(maps.shape[2:]) < least or not whole:
            raise UserError(
                f"generator={self.name} takes label maps whose sides are multiples of {factor} "
                f"and at least {least}; these are {maps.shape[2]} x {maps.shape[3]}."
            )
        return maps
