"""Small generators to test against, and what every method and every generator must pass."""

from pathlib import Path

import torch
from torch import Tensor
from torch.func import jvp, vjp, vmap

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


class GeneratorCase:
    """What every generator of codes must pass; derive from it and give a small one in float64."""

    def test_samples_follow_from_the_seed_alone(self, generator: Generator) -> None:
        """Two draws are one, and others differ."""
        first, second = _double_codes(generator), _double_codes(generator)
        assert torch.equal(first.values, second.values)
        assert not torch.equal(first.values, _double_codes(generator, seed=2).values)

    def test_every_space_renders_the_same_image(self, generator: Generator) -> None:
        """Whatever the codes can be turned into."""
        codes = _double_codes(generator)
        image = generator.render(codes)
        assert image.shape == (3, 3, generator.resolution, generator.resolution)
        for space in generator.spaces & {Space.W, Space.W_PLUS, Space.S}:
            torch.testing.assert_close(generator.render(generator.convert(codes, space)), image)

    def test_a_batch_renders_as_its_samples_do(self, generator: Generator) -> None:
        """Nothing leaks from one image into another."""
        codes = _double_codes(generator)
        singles = torch.cat([generator.render(codes[i : i + 1]) for i in range(3)])
        torch.testing.assert_close(generator.render(codes), singles)

    def test_forward_mode_is_the_derivative(self, generator: Generator) -> None:
        """In each space: against differences, in batches of directions, and reverse mode."""
        for space in generator.spaces & {Space.Z, Space.W, Space.W_PLUS, Space.S}:
            codes = generator.convert(_double_codes(generator)[:2], space)
            random = torch.Generator().manual_seed(2)
            steps = torch.randn(2, *codes.values.shape, generator=random, dtype=torch.float64)
            check_forward_mode(generator, codes, steps / steps[0].norm())


def check_forward_mode(generator: Generator, codes: Codes, steps: Tensor) -> None:
    """Derivatives along steps ``[2, *codes]``: ``vmap`` of ``jvp``, differences, reverse mode."""
    start = codes.values.clone()  # w+ of w is an expanded view
    size = 1e-7  # small, so that no unit crosses its kink

    def render(values: Tensor) -> Tensor:
        return generator.render(codes.with_values(values))

    moved = vmap(lambda step: jvp(render, (start,), (step,))[1])(steps)
    for step, forward in zip(steps, moved, strict=True):
        difference = (render(start + size * step) - render(start - size * step)) / (2 * size)
        assert float(forward.abs().max()) > 1e-3
        torch.testing.assert_close(forward, difference, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(forward, jvp(render, (start,), (step,))[1])
    forward = moved[0]
    reverse = vjp(render, start)[1](forward)[0]
    torch.testing.assert_close((reverse * steps[0]).sum(), forward.square().sum())


def _double_codes(generator: Generator, seed: int = 1) -> Codes:
    codes = generator.sample(3, torch.Generator().manual_seed(seed))
    return codes.with_values(codes.values.double())
