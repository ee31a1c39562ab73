"""Trackers show a run elsewhere while it goes; the record is the run's own folder, not they."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from pipeline import wandb_client
from pipeline.errors import unknown_name
from pipeline.records import plain

if TYPE_CHECKING:
    import wandb

    from pipeline.wandb_client import Picture

log = logging.getLogger(__name__)

MODES = ("offline", "online", "auto", "disabled")


class Tracker:
    """A tracker that shows nothing; others override what they can show.

    No hook may fail: what a tracker cannot do costs a warning, never the run. Use it in a ``with``
    statement, so that it is finished whatever happens.
    """

    def __init__(
        self,
        folder: str | Path = ".",
        group: str | None = None,
        job_type: str | None = None,
        name: str | None = None,
        tags: Sequence[str] = (),
    ) -> None:
        """Say which run is tracked; nothing happens before :meth:`start`.

        Args:
            folder: the run's own folder, which the tracker's files go to.
            group: what the jobs of one sweep have in common.
            job_type: what kind of job it is.
            name: what tells the job from others of its group.
            tags: words to find it by.
        """
        self.folder = Path(folder)
        self.group = group
        self.job_type = job_type
        self.name = name
        self.tags = tuple(tags)

    def start(self, config: Mapping[str, Any]) -> None:
        """Begin, with the resolved configuration and whatever else describes the run."""

    def log(self, values: Mapping[str, Any], step: int | None = None) -> None:
        """Show numbers by name; those of one step belong together. Steps may come in any order."""

    def table(self, name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Show a table."""

    def images(self, name: str, images: Iterable[tuple[str, "Picture"]]) -> None:
        """Show images under their captions.

        Args:
            name: what they are shown under together.
            images: pairs of caption and image: a file, a PIL image or a tensor ``[3, H, W]``, RGB,
                clamped to [-1, 1].
        """

    def artefact(self, name: str, path: Path, kind: str) -> None:
        """Keep a file, or a folder of files, that is not changed any more."""

    def finish(self, exit_code: int = 0) -> None:
        """End; later calls do nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.finish(0 if kind is None else 1)


class WandbTracker(Tracker):
    """Mirrors a run to Weights & Biases; by default offline, into the run's own folder."""

    def __init__(
        self,
        folder: str | Path = ".",
        group: str | None = None,
        job_type: str | None = None,
        name: str | None = None,
        tags: Sequence[str] = (),
        *,
        project: str = "local-gan-editing",
        entity: str | None = None,
        mode: str = "offline",
        init_timeout: float = 10,
        finish_timeout: float = 60,
    ) -> None:
        """Say how; nothing is imported or contacted before :meth:`start`.

        Args:
            folder: see :class:`Tracker`, as for ``group``, ``job_type``, ``name`` and ``tags``.
            group: likewise.
            job_type: likewise.
            name: likewise.
            tags: likewise.
            project: the W&B project.
            entity: the W&B user or team; None is the user's default.
            mode: offline; online; auto, which is online where an API key is found; disabled.
            init_timeout: seconds until a server that does not answer makes the run offline.
            finish_timeout: seconds to wait for uploads at the end.

        Raises:
            UserError: there is no such mode.
        """
        super().__init__(folder, group, job_type, name, tags)
        if mode not in MODES:
            raise unknown_name("logger.mode", mode, MODES)
        self.project = project
        self.entity = entity
        self.mode = mode
        self.init_timeout = init_timeout
        self.finish_timeout = finish_timeout
        self._run: wandb.Run | None = None
        self._warned: set[str] = set()

    def start(self, config: Mapping[str, Any]) -> None:
        """Open the W&B run: offline where online fails, and none where that fails too."""
        if self.mode == "disabled":
            return
        try:
            if self._wanted_mode() == "online" and (run := self._open("online", config)):
                log.info("W&B shows this run at %s", run.url)
            elif run := self._open("offline", config):
                folder = run.settings.sync_dir
                log.info("W&B is offline; upload this run with: wandb sync %s", folder)
        except Exception as error:
            self._warn("start", error)

    def log(self, values: Mapping[str, Any], step: int | None = None) -> None:
        """Log numbers to the history; ``step`` is W&B's x axis, free of its order of calls."""
        axis = {} if step is None else {"step": step}
        self._mirror("log numbers", lambda run: run.log({**plain(values), **axis}))

    def table(self, name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Log a table."""

        def send(run: "wandb.Run") -> None:
            import wandb

            data = [plain(row) for row in rows]
            table = wandb.Table(columns=list(columns), data=data, allow_mixed_types=True)
            run.log({name: table})

        self._mirror("log a table", send)

    def images(self, name: str, images: Iterable[tuple[str, "Picture"]]) -> None:
        """Log images under their captions."""

        def send(run: "wandb.Run") -> None:
            import wandb

            run.log(
                {name: [wandb.Image(wandb_client.pixels(i), caption=text) for text, i in images]}
            )

        self._mirror("log images", send)

    def artefact(self, name: str, path: Path, kind: str) -> None:
        """Log a file or folder as a W&B artifact; it is not copied, so it must stay as it is."""

        def send(run: "wandb.Run") -> None:
            import wandb

            artifact = wandb.Artifact(wandb_client.artifact_name(name), kind)
            source = Path(path).absolute()
            if source.is_dir():
                artifact.add_dir(str(source), policy="immutable")
            else:
                artifact.add_file(str(source), policy="immutable")
            run.log_artifact(artifact)

        self._mirror("log an artefact", send)

    def finish(self, exit_code: int = 0) -> None:
        """Close the W&B run, waiting for uploads no longer than ``finish_timeout``."""
        run, self._run = self._run, None
        if run is None:
            return
        try:
            run.finish(exit_code=exit_code)
        except TimeoutError as error:
            self._warn("finish uploading", error)
            log.info("Upload the rest with: wandb sync %s", run.settings.sync_dir)
        except Exception as error:
            self._warn("finish", error)
            wandb_client.reset()

    def _wanted_mode(self) -> str:
        """The mode to try first: online without a key would ask for one at the terminal."""
        if self.mode == "offline":
            return "offline"
        if wandb_client.has_key():
            return "online"
        if self.mode == "online":
            log.warning(
                "W&B finds no API key (WANDB_API_KEY, or 'wandb login'): this run stays offline"
            )
        return "offline"

    def _open(
        self, mode: Literal["online", "offline"], config: Mapping[str, Any]
    ) -> "wandb.Run | None":
        """Open the run in one mode; where that fails, say so."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._run = wandb_client.open_run(
                mode,
                self.init_timeout,
                self.finish_timeout,
                project=self.project,
                entity=self.entity,
                dir=str(self.folder),
                group=wandb_client.label(self.group),
                job_type=wandb_client.label(self.job_type),
                name=wandb_client.label(self.name),
                tags=[wandb_client.tag(text) for text in self.tags if text],
                config=plain(config),
            )
        except Exception as error:
            self._warn(f"start {mode}", error)
            if mode == "offline":
                wandb_client.reset()
        return self._run

    def _mirror(self, what: str, act: Callable[["wandb.Run"], object]) -> None:
        """Do something with the run, if there is one, and survive whatever comes of it."""
        if self._run is None:
            return
        try:
            act(self._run)
        except Exception as error:
            self._warn(what, error)

    def _warn(self, what: str, error: Exception) -> None:
        """Say once per kind of call what W&B could not do."""
        if what not in self._warned:
            self._warned.add(what)
            text = (str(error).splitlines() or [""])[0]
            log.warning("W&B could not %s (%s: %s)", what, type(error).__name__, text)
