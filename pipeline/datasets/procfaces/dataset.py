"""A folder of rendered faces: images, part labels and factors as memory-mapped arrays."""

import ast
import hashlib
import json
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from pipeline.datasets.procfaces.factors import FACTORS, sample_factors
from pipeline.datasets.procfaces.render import render
from pipeline.errors import UserError

BLOCK = 128  # faces sampled and rendered together; part of the recipe: face i depends on it
PROGRESS = "progress.json"

Report = Callable[[int, int], None]
Sampler = Callable[[int, int], Tensor]  # seed, block -> factors [BLOCK, len(FACTORS)]


@dataclass(frozen=True)
class Recipe:
    """What the content of a folder follows from; two folders of one recipe are equal."""

    count: int
    seed: int
    size: int
    renderer: str
    sampler: str

    @property
    def blocks(self) -> int:
        """Number of blocks, the last one cut short where the count asks for it."""
        return -(-self.count // BLOCK)


Job = tuple[Path, Recipe, Sampler, int]


def renderer_fingerprint() -> str:
    """Hash of the renderer's code, blind to its comments and formatting."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.name != Path(__file__).name:
            digest.update(ast.dump(ast.parse(path.read_text("utf-8"))).encode())
    return digest.hexdigest()[:16]


def to_uint8(images: Tensor) -> np.ndarray:
    """Images ``[n, 3, H, W]`` in [-1, 1] as uint8 ``[n, H, W, 3]``."""
    levels = ((images.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    array: np.ndarray = levels.permute(0, 2, 3, 1).numpy()
    return array


def from_uint8(levels: np.ndarray) -> Tensor:
    """Images uint8 ``[n, H, W, 3]`` as float32 ``[n, 3, H, W]`` in [-1, 1]."""
    images: Tensor = torch.from_numpy(levels).permute(0, 3, 1, 2).float()
    return images / 127.5 - 1


def block_factors(seed: int, block: int) -> Tensor:
    """Factors ``[BLOCK, len(FACTORS)]`` of one block, whatever the others are."""
    text = hashlib.sha256(f"procfaces {seed} {block}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(text[:7], "big"))
    return sample_factors(BLOCK, generator)


def render_dataset(
    folder: str | Path,
    n: int,
    seed: int,
    size: int = 64,
    processes: int = 1,
    report: Report | None = None,
    sampler: Sampler = block_factors,
) -> None:
    """Render ``n`` faces into ``images.npy``, ``labels.npy`` and ``factors.npy`` of a folder.

    Face ``i`` depends on sampler, seed, size and ``i`` alone. Interrupted, it goes on from the last
    finished block when called again with the same arguments.

    Args:
        folder: for the arrays, uint8 ``[n, S, S, 3]``, uint8 ``[n, S, S]``, float32 ``[n, F]``.
        n: number of faces.
        seed: of the factors.
        size: height and width in pixels.
        processes: single-threaded processes; with 1, the calling one does the work.
        report: called with (faces done, faces asked for) after each block.
        sampler: gives the factors of a block; a function of a module, so that processes find it.

    Raises:
        UserError: the folder holds faces of another recipe, or ``n`` or ``processes`` is below 1.
    """
    if n < 1 or processes < 1:
        raise UserError(f"count={n} processes={processes}: both must be at least 1.")
    path, recipe = Path(folder), Recipe(n, seed, size, renderer_fingerprint(), sampler.__name__)
    done = _start(path, recipe)
    jobs = [(path, recipe, sampler, block) for block in range(recipe.blocks) if block not in done]
    for block in _run(jobs, processes):
        done.add(block)
        _write_progress(path, recipe, done)
        if report is not None:
            report(min(len(done) * BLOCK, n), n)


class RenderedFaces:
    """A finished folder of rendered faces, read by index without loading the rest.

    Attributes:
        recipe: what the folder was rendered from.
    """

    def __init__(self, folder: str | Path) -> None:
        """Open a folder.

        Raises:
            UserError: the folder is missing or not finished.
        """
        path = Path(folder)
        found = _read_progress(path)
        if found is None:
            raise UserError(
                f"No rendered faces in '{path}'. Make them with: "
                f"python scripts/render_procfaces.py --out {path}"
            )
        self.recipe, done = found
        if len(done) < self.recipe.blocks:
            raise UserError(
                f"'{path}' is not finished: {len(done)} of {self.recipe.blocks} blocks. Go on: "
                f"python scripts/render_procfaces.py --out {path} --count {self.recipe.count} "
                f"--seed {self.recipe.seed} --size {self.recipe.size}"
            )
        self._images, self._labels, self._factors = _arrays(path, "r")

    def __len__(self) -> int:
        return self.recipe.count

    def images(self, index: Tensor) -> Tensor:
        """Images float32 ``[n, 3, S, S]`` in [-1, 1] of the faces ``index`` (int64 ``[n]``)."""
        return from_uint8(self._images[index.numpy()])

    def labels(self, index: Tensor) -> Tensor:
        """Part ids uint8 ``[n, S, S]``."""
        return torch.from_numpy(self._labels[index.numpy()])

    def factors(self, index: Tensor) -> Tensor:
        """Factors float32 ``[n, len(FACTORS)]``, in the order of ``FACTORS``."""
        return torch.from_numpy(self._factors[index.numpy()])


def _run(jobs: list[Job], processes: int) -> Iterator[int]:
    """Render blocks in any order; yields each when it is on disk."""
    if processes == 1 or not jobs:
        yield from map(_render_block, jobs)
        return
    context = multiprocessing.get_context("spawn")
    with context.Pool(min(processes, len(jobs)), _begin_worker) as pool:
        yield from pool.imap_unordered(_render_block, jobs)


def _begin_worker() -> None:
    """Be one thread, and leave Ctrl-C to the process that waits for all."""
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _render_block(job: Job) -> int:
    path, recipe, sampler, block = job
    # A cut block is rendered whole, so that no face depends on the count.
    factors = sampler(recipe.seed, block)
    rendering = render(factors, recipe.size)
    contents = (to_uint8(rendering.images), rendering.labels.numpy(), factors.numpy())
    begin, end = block * BLOCK, min((block + 1) * BLOCK, recipe.count)
    for array, content in zip(_arrays(path, "r+"), contents, strict=True):
        array[begin:end] = content[: end - begin]
        array.flush()
    return block


def _arrays(path: Path, mode: Literal["r", "r+"]) -> tuple[np.memmap, np.memmap, np.memmap]:
    names = ("images", "labels", "factors")
    images, labels, factors = (np.load(path / f"{name}.npy", mmap_mode=mode) for name in names)
    return images, labels, factors


def _start(path: Path, recipe: Recipe) -> set[int]:
    """Blocks already done in a folder; an empty folder gets empty arrays."""
    found = _read_progress(path)
    if found is None:
        path.mkdir(parents=True, exist_ok=True)
        _create(path, recipe)
        _write_progress(path, recipe, set())
        return set()
    if found[0] != recipe:
        raise UserError(
            f"'{path}' holds other faces ({_describe(found[0])}) than those asked for "
            f"({_describe(recipe)}). Give another folder, or delete this one."
        )
    return found[1]


def _create(path: Path, recipe: Recipe) -> None:
    n, size = recipe.count, recipe.size
    shapes = {"images": (n, size, size, 3), "labels": (n, size, size)}
    for name, shape in shapes.items():
        np.lib.format.open_memmap(path / f"{name}.npy", "w+", np.uint8, shape)
    np.lib.format.open_memmap(path / "factors.npy", "w+", np.float32, (n, len(FACTORS)))


def _describe(recipe: Recipe) -> str:
    return ", ".join(f"{key}={value}" for key, value in asdict(recipe).items())


def _read_progress(path: Path) -> tuple[Recipe, set[int]] | None:
    file = path / PROGRESS
    if not file.exists():
        return None
    try:
        content = json.loads(file.read_text("utf-8"))
        return Recipe(**content["recipe"]), set(content["done"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"'{file}' is damaged. Delete the folder and render it again.") from error


def _write_progress(path: Path, recipe: Recipe, done: set[int]) -> None:
    temporary = path / (PROGRESS + ".tmp")
    temporary.write_text(json.dumps({"recipe": asdict(recipe), "done": sorted(done)}), "utf-8")
    os.replace(temporary, path / PROGRESS)
