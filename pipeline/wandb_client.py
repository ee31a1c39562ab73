"""What has to be known about Weights & Biases to use it without surprises."""

import netrc
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import wandb
    from PIL.Image import Image
    from torch import Tensor

    Picture = Path | Image | Tensor

LABEL_CHARACTERS, TAG_CHARACTERS = 128, 64
FORMER_HOSTS = {"api.forge.coreweave.com": "api.wandb.ai"}  # keys of either are W&B's


def open_run(
    mode: Literal["online", "offline"],
    init_timeout: float,
    finish_timeout: float,
    **about: Any,
) -> "wandb.Run":
    """Open a run that prints nothing, waits no longer than told and stands beside others.

    Args:
        mode: whether to contact the server.
        init_timeout: seconds until a server that does not answer is an error.
        finish_timeout: seconds after which waiting for uploads at the end is an error.
        **about: further arguments of ``wandb.init``.
    """
    import wandb

    _hush()
    settings = wandb.Settings(
        silent=True,
        console="off",
        init_timeout=init_timeout,
        finish_timeout=finish_timeout,
        finish_timeout_raises=True,
    )
    run = wandb.init(mode=mode, reinit="create_new", settings=settings, **about)
    run.define_metric("step", hidden=True)
    run.define_metric("*", step_metric="step")
    return run


def reset() -> None:
    """Let go of a W&B service that died, so that the process's next run gets a new one."""
    with suppress(Exception, SystemExit):
        import wandb

        wandb.teardown()


def has_key() -> bool:
    """Whether W&B would find an API key: in its settings, the environment or the netrc file."""
    import wandb

    _hush()
    settings = wandb.setup().settings
    if settings.api_key or settings.identity_token_file:
        return True
    try:
        known = netrc.netrc(Path(os.environ.get("NETRC") or "~/.netrc").expanduser())
    except (OSError, netrc.NetrcParseError):
        return False
    host = urlsplit(settings.base_url).netloc
    return any(known.authenticators(name) for name in (host, FORMER_HOSTS.get(host, host)))


def _hush() -> None:
    """Keep W&B from printing: what matters goes through the log."""
    import wandb

    wandb.setup(wandb.Settings(silent=True))


def pixels(image: "Picture") -> Any:
    """What ``wandb.Image`` takes: a path or PIL image as it is, a tensor as uint8 ``[H, W, 3]``."""
    if isinstance(image, Path):
        return str(image)
    from torch import Tensor

    if not isinstance(image, Tensor):
        return image
    scaled = (image.detach().cpu().float().clamp(-1, 1) + 1) * 127.5
    return scaled.round().byte().permute(1, 2, 0).numpy()


def label(text: str | None) -> str | None:
    """A group or name no longer than W&B allows; a sweep's can hold every override."""
    return text[:LABEL_CHARACTERS] if text else None


def artifact_name(name: str) -> str:
    """A name of the characters that W&B allows in artifacts."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name)[:LABEL_CHARACTERS]


def tag(text: str) -> str:
    """A tag no longer than W&B allows."""
    return text[:TAG_CHARACTERS]
