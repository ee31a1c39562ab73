"""Adaptation of a trained SemanticStyleGAN to a domain of which there are images alone.

The generator goes on from its weights and the discriminator sees no masks. The published code of
Shi et al. 2022 trains all of the generator for 2000 steps and ties the coarse masks to the final
ones no longer (a mask weight of 0); nothing holds the parts where they were but the shortness of
the training. Where what differs is how things look and not where they are, it is enough that what
comes after the fusion learns: the depths, and so the coarse masks, stay as they were to the bit,
and the mask weight goes on tying the final masks to them.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pipeline.datasets.folder import ImageFolder
from pipeline.datasets.images import Resizing, batches
from pipeline.errors import UserError
from pipeline.generators.checkpoints.load import load_checkpoint
from pipeline.generators.semantic_stylegan import SemanticStyleGAN
from pipeline.generators.weights import ASSETS
from pipeline.training.guided import Guide
from pipeline.training.loop import Batches
from pipeline.training.semantic_stylegan import SemanticState, SemanticTraining, build, train_step

APPEARANCE = ("local.feature_", "synthesis.")  # the parameters' names begin so
NOISE = ".noise_strength"  # and end so


@dataclass(frozen=True)
class Picturing:
    """What the images of a folder are.

    Attributes:
        source: the folder.
        count: of its images.
        content: hash of their names and contents.
        size: height and width that they are read in.
    """

    source: str
    count: int
    content: str
    size: int


class Pictures:
    """The images of a folder without labels, read when they are asked for.

    Attributes:
        recipe: what they are.
    """

    def __init__(self, folder: Path, size: int) -> None:
        """Open a folder.

        Raises:
            UserError: it is none, or holds no image.
        """
        self._source, self._resizing = ImageFolder(folder), Resizing(size)
        names = self._source.names
        content = self._source.fingerprint(names)
        self.recipe = Picturing(folder.name, len(names), content, size)

    def __len__(self) -> int:
        return self.recipe.count

    def images(self, index: Tensor) -> Tensor:
        """Images float32 ``[n, 3, size, size]`` in [-1, 1] of the numbers ``index``."""
        names = [self._source.names[i] for i in index.tolist()]
        return torch.cat(list(batches(self._source, names, self._resizing)))


@dataclass(frozen=True)
class SemanticAdaptation(SemanticTraining):
    """Trains a finished generator on, on images alone.

    Attributes:
        finished: its file, of any readable form, or name of a shipped one, with its configuration.
        learns: ``appearance`` for the feature heads and what comes after the fusion, which leaves
            every coarse mask as it is; or ``all``. In the first case the averaged generator, which
            is the result, keeps the noise that it had.
    """

    finished: Path = Path("semantic_stylegan_procfaces.safetensors")
    learns: str = "appearance"

    def open(self) -> Pictures:
        """The images of the new domain."""
        return Pictures(self.data, self.config.resolution)

    def begin(self) -> SemanticState:
        """The finished generator, and a discriminator at its beginning."""
        state = build(self.config, self.recipe, self.seed, self.device)
        for network in (state.generator, state.ema):
            network.load_state_dict(self._network.state_dict())
        if self.learns == "appearance":
            for name, parameter in state.generator.named_parameters():
                parameter.requires_grad_(name.startswith(APPEARANCE))
        return state

    def about(self) -> dict[str, Any]:
        """The generator that is adapted, and what of it learns."""
        adapted = {"name": self._network.name, "weights": self._network.fingerprint}
        return {"adapted": adapted, "learns": self.learns}

    def batches(self, data: Any) -> Batches:
        """Images."""
        return lambda n: (data.images(torch.randint(len(data), (n,))),)

    def step(
        self, state: SemanticState, batch: tuple[Tensor, ...], guide: Guide | None
    ) -> dict[str, float]:
        """One update of both networks; returns the losses."""
        losses = train_step(state, batch[0], None, self.recipe, guide)
        if self.learns == "appearance":
            self._keep_noise(state.ema)
        return losses

    @torch.no_grad()
    def _keep_noise(self, network: SemanticStyleGAN) -> None:
        """Give the averaged generator the noise that the finished one had.

        While the rest learns, noise is what answers the discriminator where it looks for grain;
        without any, contours and features do so. In pictures it is a veil.
        """
        finished = dict(self._network.named_parameters())
        for name, parameter in network.named_parameters():
            if name.endswith(NOISE):
                parameter.copy_(finished[name])

    @cached_property
    def _network(self) -> SemanticStyleGAN:
        return read_semantic_stylegan(self.finished)


def read_semantic_stylegan(file: Path) -> SemanticStyleGAN:
    """The network of a generator file, or of a shipped one by its name.

    Raises:
        UserError: the file cannot be used, or holds another network.
    """
    shipped = ASSETS / file
    network = load_checkpoint(file if file.exists() or not shipped.exists() else shipped, file.stem)
    if not isinstance(network, SemanticStyleGAN):
        raise UserError(f"--start '{file}' holds a {type(network).__name__}, no SemanticStyleGAN.")
    return network
