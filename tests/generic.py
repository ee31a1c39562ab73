"""Small generators to test against, and what every method must pass."""

from pathlib import Path

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Generator, Space
from pipeline.methods.base import Method
from pipeline.methods.edits import Edits
from pipeline.regions.region import Region


class WaveGenerator(Generator):
    """A smooth nonlinear generator of the StyleGAN kind, in float64: z -> w -> w+ -> image."""

    def __init__(
        self, seed: int = 0, w_dim: int = 6, num_ws: int = 4, resolution: int = 16
    ) -> None:
        super().__init__()
        self.name, self.fingerprint = "waves", f"waves-{seed}-{w_dim}-{num_ws}-{resolution}"
        self.resolution, self.num_ws = resolution, num_ws
        self.spaces = frozenset({Space.Z, Space.W, Space.W_PLUS})
        random = torch.Generator().manual_seed(seed)
        pixels = 3 * resolution * resolution
        self.mapping = torch.nn.Parameter(self._draw(random, w_dim, w_dim))
        self.waves = torch.nn.Parameter(self._draw(random, num_ws, w_dim, pixels) / 2)
        self.phases = torch.nn.Parameter(self._draw(random, num_ws, 1, pixels))

    @staticmethod
    def _draw(random: torch.Generator, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=random, dtype=torch.float64)

    def sample(self, n: int, generator: torch.Generator) -> Codes:
        """Normal z."""
        return Codes(Space.Z, self._draw(generator, n, len(self.mapping)))

    def convert(self, codes: Codes, space: Space) -> Codes:
        """Down the chain z -> w -> w+."""
        if codes.space == space:
            return codes
        if codes.space == Space.Z and space in (Space.W, Space.W_PLUS):
            return self.convert(Codes(Space.W, torch.tanh(codes.values @ self.mapping)), space)
        if codes.space == Space.W and space == Space.W_PLUS:
            return Codes(space, codes.values[:, None].expand(-1, self.num_ws, -1))
        raise UserError(f"no way from {codes.space} to {space}")

    def render(self, codes: Codes) -> Tensor:
        """The mean over layers of sines of the pixels."""
        ws = self.convert(codes, Space.W_PLUS).values
        images = torch.sin(torch.einsum("nlw,lwp->lnp", ws, self.waves) + self.phases).mean(0)
        return images.reshape(-1, 3, self.resolution, self.resolution)


class QuadrantGenerator(WaveGenerator):
    """A linear generator: moving w along ``axes[k]`` changes quadrant k of the image only."""

    def __init__(self, seed: int = 0, resolution: int = 8) -> None:
        super().__init__(seed, w_dim=4, num_ws=2, resolution=resolution)
        self.name, self.fingerprint = "quadrants", f"quadrants-{seed}-{resolution}"
        random = torch.Generator().manual_seed(seed)
        self.axes = torch.linalg.qr(self._draw(random, 4, 4)).Q
        half = resolution // 2
        patterns = torch.zeros(4, 3, resolution, resolution, dtype=torch.float64)
        for k in range(4):
            rows = slice(half * (k // 2), half * (k // 2 + 1))
            columns = slice(half * (k % 2), half * (k % 2 + 1))
            patterns[k, :, rows, columns] = self._draw(random, 3, half, half)
        self.patterns = patterns

    def render(self, codes: Codes) -> Tensor:
        """The quadrants' patterns, each as strong as the mean w lies along its axis."""
        w = self.convert(codes, Space.W_PLUS).values.mean(1)
        return torch.einsum("nk,kchw->nchw", w @ self.axes.T, self.patterns)


class MethodCase:
    """What every method must pass; derive from it and give the three fixtures of its arguments."""

    def test_the_same_seed_finds_the_same_edits(
        self, method: Method, generator: Generator, region: Region
    ) -> None:
        """Two runs render the same images."""
        codes = _codes(generator)
        first, second = (method.discover(generator, codes, region, seed=3) for _ in range(2))
        images = [
            [edit.apply(generator, codes, 0.5) for edit in edits] for edits in (first, second)
        ]
        assert len(first) > 0
        torch.testing.assert_close(images[0], images[1], rtol=0, atol=0)

    def test_edits_survive_their_file(
        self, method: Method, generator: Generator, region: Region, tmp_path: Path
    ) -> None:
        """Loaded edits render what the saved ones do and say the same of themselves."""
        codes = _codes(generator)
        edits = method.discover(generator, codes, region, seed=3)
        edits.save(tmp_path / "edits.safetensors")
        loaded = Edits.load(tmp_path / "edits.safetensors")
        assert (loaded.method, loaded.region, loaded.seed) == (method.name, region.name, 3)
        for before, after in zip(edits, loaded, strict=True):
            assert before.name == after.name
            torch.testing.assert_close(
                after.apply(generator, codes, 0.5), before.apply(generator, codes, 0.5)
            )

    def test_strength_zero_changes_nothing(
        self, method: Method, generator: Generator, region: Region
    ) -> None:
        """The unedited images come out."""
        codes = _codes(generator)
        for edit in method.discover(generator, codes, region):
            torch.testing.assert_close(edit.apply(generator, codes, 0.0), generator.render(codes))

    def test_progress_ends_at_the_total(
        self, method: Method, generator: Generator, region: Region
    ) -> None:
        """What is reported grows and ends where it was announced to."""
        seen: list[tuple[int, int]] = []
        method.discover(
            generator, _codes(generator), region, progress=lambda *counts: seen.append(counts)
        )
        done, totals = [d for d, _ in seen], {t for _, t in seen}
        assert done == sorted(done)
        assert totals == {done[-1]}


def _codes(generator: Generator) -> Codes:
    return generator.sample(3, torch.Generator().manual_seed(1))
