"""Edits that another run found, from the file that it left; so are directions used by a name."""

from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Generator
from pipeline.generators.fingerprints import tensor_hash
from pipeline.methods.base import Method
from pipeline.methods.edits import Edits
from pipeline.methods.gram import Progress
from pipeline.regions.region import Region


@dataclass
class SavedEdits(Method):
    """The edits of a file, whatever method found them, on the generator that they were found on.

    Args:
        path: ``edits.safetensors`` of a run; a relative one is sought from the working directory.
        index: the one to take; None takes all.
    """

    path: str | None = None
    index: int | None = None
    name: str = "saved"

    @property
    def digest(self) -> str:
        """Hash of what is in the file."""
        edits = self.edits()
        arrays = {f"{i}.{k}": a for i, e in enumerate(edits) for k, a in e.arrays().items()}
        return tensor_hash(arrays, "\n".join(f"{e.name} {e.settings()}" for e in edits))

    @property
    def calibrated(self) -> bool:
        """Whether the strengths of its edits are, see :attr:`Method.calibrated`."""
        return not any(edit.scale for edit in self.edits())

    def edits(self) -> Edits:
        """The file's.

        Raises:
            UserError: there is no such file, or no such edit in it.
        """
        if self.path is None:
            raise UserError(
                "method=saved takes the edits of another run: give its file, e.g. "
                "method.path=outputs/2026-01-31/12-00-00/edits.safetensors."
            )
        found = Edits.load(Path(self.path))
        if self.index is None:
            return found
        if not 0 <= self.index < len(found):
            raise UserError(f"method.index={self.index}: {self.path} has {len(found)} edits.")
        return replace(found, edits=(found[self.index],), extra={})

    def check(self, generator: Generator, region: Region) -> None:
        """Refuse a missing file, and another generator; any region will do."""
        for edit in self.edits():
            edit.check(generator)

    def discover(
        self,
        generator: Generator,
        codes: Codes,
        region: Region,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Edits:
        """See :meth:`Method.discover`; nothing is sought, nothing is random."""
        self.check(generator, region)
        found = self.edits()
        if progress is not None:
            progress(1, 1)
        notes = {"path": self.path, "method": found.method, "region": found.region}
        return replace(
            found, method=self.name, region=region.name, seed=seed, notes={"found": notes}
        )
