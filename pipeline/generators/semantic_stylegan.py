"""SemanticStyleGAN (Shi et al. 2022): one local generator per semantic class, fused by depth.

Codes: z; w; w+, which holds the base codes and for every class a structure and a texture code; and
s, the styles of all layers of all local generators. Wherever w+ codes are rendered or converted
to s, expanded ones do as well: a w for every layer of every local generator.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from pipeline.errors import UserError, unknown_name
from pipeline.generators.base import Codes, Space
from pipeline.generators.layers_semantic import (
    LocalGenerators,
    PositionEmbedding,
    blending_shares,
    grid,
    soft_masks,
)
from pipeline.generators.mapping import MappingNetwork
from pipeline.generators.render_network import RenderNetwork
from pipeline.generators.style_based import StyleBased
from pipeline.generators.synthesis import NOISE_MODES


@dataclass(frozen=True)
class SemanticStyleGANConfig:
    """Architecture of a SemanticStyleGAN.

    Attributes:
        resolution: image size, a power of two.
        classes: names of the semantic classes; the first is the background.
        channels: of the render network's blocks, up to ``resolution``; each doubles the size.
        transparent: names of the classes that others are seen through.
        coarse_resolution: of the local generators' maps.
        local_channels: of their layers.
        feature_channels: of the feature map that they make together.
        local_layers: convolutions of each.
        base_layers: how many of these read base codes, which all classes but the background share.
        depth_layers: how many of them the pseudo-depth is made of; those after ``base_layers`` read
            the structure code, the others the texture code.
        mapping_layers: depth of the mapping network.
        refine_scores: whether the render network's scores are added to the coarse masks.
    """

    resolution: int
    classes: tuple[str, ...]
    channels: tuple[int, ...]
    transparent: tuple[str, ...] = ()
    coarse_resolution: int = 64
    local_channels: int = 64
    feature_channels: int = 512
    local_layers: int = 10
    base_layers: int = 2
    depth_layers: int = 6
    z_dim: int = 512
    w_dim: int = 512
    mapping_layers: int = 8
    mapping_lr_multiplier: float = 0.01
    refine_scores: bool = True

    def __post_init__(self) -> None:
        start, coarse = self.resolution >> len(self.channels), self.coarse_resolution
        sizes = {self.resolution >> i for i in range(len(self.channels))}
        if start << len(self.channels) != self.resolution or start < 2 or coarse not in sizes:
            raise UserError(
                f"SemanticStyleGAN: resolution={self.resolution} is halved once per entry of "
                f"channels={self.channels}, and coarse_resolution={coarse} must be among the sizes."
            )
        if self.resolution & (self.resolution - 1):
            raise UserError(f"SemanticStyleGAN: resolution={self.resolution}: no power of two.")
        if not 0 <= self.base_layers < self.depth_layers < self.local_layers:
            raise UserError(
                f"SemanticStyleGAN: base_layers={self.base_layers}, depth_layers="
                f"{self.depth_layers} and local_layers={self.local_layers} must rise in this order."
            )
        unknown = set(self.transparent) - set(self.classes)
        if len(set(self.classes)) != len(self.classes) or len(self.classes) < 2 or unknown:
            raise UserError(
                f"SemanticStyleGAN: classes={self.classes} must be two or more different names, "
                f"transparent={self.transparent} some of them."
            )

    @property
    def num_ws(self) -> int:
        """Number of w vectors of a w+ code."""
        return self.base_layers + 2 * len(self.classes)

    @property
    def num_expanded(self) -> int:
        """Number of w vectors of an expanded code."""
        return len(self.classes) * self.local_layers

    @property
    def code_shapes(self) -> dict[Space, tuple[int, ...]]:
        """What codes of each space look like, per code."""
        return {
            Space.Z: (self.z_dim,),
            Space.W: (self.w_dim,),
            Space.W_PLUS: (self.num_ws, self.w_dim),
            Space.S: (self.num_expanded * self.local_channels,),
        }


@dataclass(frozen=True, eq=False)
class Composition:
    """All that a SemanticStyleGAN makes of codes.

    Attributes:
        images: ``[n, 3, r, r]``.
        scores: of every class at full size ``[n, K, r, r]``; the largest is the class.
        coarse: masks of the fusion in [-1, 1], ``[n, K, c, c]``.
        depths: pseudo-depths ``[n, K, c, c]``; the background's is 0.
    """

    images: Tensor
    scores: Tensor
    coarse: Tensor
    depths: Tensor

    @property
    def labels(self) -> Tensor:
        """The class of every pixel, uint8 ``[n, r, r]``."""
        return self.scores.argmax(dim=1).to(torch.uint8)


class SemanticStyleGAN(StyleBased):
    """SemanticStyleGAN with access to z, w, w+ and s.

    Args:
        config: the architecture.
        truncation_psi: pull of w towards its mean wherever z is mapped; 1 is none.
        truncation_cutoff: truncate only the first so many w+ rows; None truncates all.

    Raises:
        UserError: the cutoff is negative or exceeds the number of rows.
    """

    spaces = frozenset({Space.Z, Space.W, Space.W_PLUS, Space.S})
    config: SemanticStyleGANConfig
    mapping: MappingNetwork

    def __init__(
        self,
        config: SemanticStyleGANConfig,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
    ) -> None:
        super().__init__(config.code_shapes, 0, truncation_psi, truncation_cutoff)
        self.name, self.config, self.resolution = "semantic_stylegan", config, config.resolution
        layers, lr = config.mapping_layers, config.mapping_lr_multiplier
        self.mapping = MappingNetwork(config.z_dim, config.w_dim, layers, lr)
        octaves = config.resolution.bit_length() - 1
        self.embedding = PositionEmbedding(config.local_channels, octaves)
        self.local = LocalGenerators(
            len(config.classes),
            config.local_layers,
            config.depth_layers,
            config.local_channels,
            config.feature_channels,
            config.w_dim,
        )
        self.synthesis = RenderNetwork(
            config.feature_channels,
            config.channels,
            config.coarse_resolution,
            config.resolution,
            len(config.classes),
        )
        self._transparent = tuple(config.classes.index(name) for name in config.transparent)

    @property
    def class_rows(self) -> dict[str, tuple[int, int]]:
        """Rows of each class's structure and texture code in w+; the base codes come first."""
        base = self.config.base_layers
        names = enumerate(self.config.classes)
        return {name: (base + 2 * k, base + 2 * k + 1) for k, name in names}

    @cached_property
    def expanded_rows(self) -> tuple[int, ...]:
        """Which row of w+ each row of an expanded code is."""
        config = self.config
        base, texture = config.base_layers, config.local_layers - config.depth_layers
        rows: list[int] = []
        for k, (own, other) in enumerate(self.class_rows.values()):
            shared = list(range(base)) if k else [own] * base
            rows += shared + [own] * (config.depth_layers - base) + [other] * texture
        return tuple(rows)

    @property
    def style_slices(self) -> dict[str, slice]:
        """Where the styles of a class's layer lie in an s code, by ``CLASS.convNUMBER``."""
        layers = range(self.config.local_layers)
        names = [f"{name}.conv{i}" for name in self.config.classes for i in layers]
        width = self.config.local_channels
        return {name: slice(i * width, (i + 1) * width) for i, name in enumerate(names)}

    def present(self, names: Sequence[str]) -> Tensor:
        """The classes to compose of, as :meth:`compose` takes them.

        Raises:
            UserError: there is no such class.
        """
        for name in names:
            if name not in self.config.classes:
                raise unknown_name("class", name, self.config.classes)
        kept = [float(name in names) for name in self.config.classes]
        return torch.tensor(kept, device=self.w_avg.device)

    def expand(self, ws: Tensor) -> Tensor:
        """Expanded codes ``[n, num_expanded, w_dim]`` of w+ ``[n, num_ws, w_dim]``."""
        rows = torch.tensor(self.expanded_rows, device=ws.device)
        return ws.index_select(1, rows)

    def styles(self, ws: Tensor) -> Tensor:
        """Codes s ``[n, num_styles]`` of w+ or expanded codes ``[n, rows, w_dim]``."""
        expanded = ws.shape[1] == self.config.num_expanded
        return self.local.styles(ws if expanded else self.expand(ws))

    def convert(self, codes: Codes, space: Space) -> Codes:
        """Down the chain z -> w -> w+ -> s; w+ codes may be expanded ones.

        Raises:
            UserError: there is no way, or the codes have another shape than this network's.
        """
        shape = (self.config.num_expanded, self.config.w_dim)
        if codes.space == Space.W_PLUS and tuple(codes.values.shape[1:]) == shape:
            if space == Space.W_PLUS:
                return codes
            if space == Space.S:
                return Codes(Space.S, self.styles(codes.values), codes.labels)
        return super().convert(codes, space)

    def compose(
        self,
        codes: Codes,
        noise: str = "const",
        present: Tensor | None = None,
        positions: Tensor | None = None,
    ) -> Composition:
        """Images of codes in any space with the masks and depths behind them.

        Args:
            codes: z, w, w+ (also expanded) or s.
            noise: ``const`` (stored maps), ``none`` or ``random``.
            present: how much each class counts, ``[K]`` or ``[n, K]``: 1 is as it is, 0 leaves it
                out; None is all.
            positions: where each class looks itself up, (column, row) in [-1, 1],
                ``[n, K, 2, c * c]``, as :func:`pipeline.generators.layers_semantic.grid` orders
                them; None is the plain grid.

        Raises:
            UserError: there is no such noise, or the codes do not fit.
        """
        if noise not in NOISE_MODES:
            raise unknown_name("noise", noise, NOISE_MODES)
        styles, size = self.convert(codes, Space.S).values, self.config.coarse_resolution
        embedding = self.embedding(grid(size, self.w_avg) if positions is None else positions)
        depths, local = self.local(styles, embedding)
        masks = soft_masks(depths, present)
        features = self.local.fuse(local, blending_shares(masks, self._transparent))
        coarse = (2 * masks - 1).unflatten(2, (size, size))
        refined = coarse if self.config.refine_scores else None
        images, scores = self.synthesis(features.unflatten(2, (size, size)), refined, noise)
        return Composition(images, scores, coarse, depths.unflatten(2, (size, size)))

    def render(self, codes: Codes, noise: str = "const") -> Tensor:
        """Images of codes in z, w, w+ or s."""
        return self.compose(codes, noise).images
