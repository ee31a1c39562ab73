"""Where the weights of the judging networks lie, and which files are the right ones.

Files are looked for in the folder ``PIPELINE_WEIGHTS`` names, else ``~/.cache/local-gan-editing``.
Nothing is downloaded here.
"""

import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pipeline.errors import UserError, unknown_name


@dataclass(frozen=True)
class WeightsFile:
    """An official file of weights.

    Attributes:
        file: its name in the weights folder.
        addresses: where it can be had.
        bytes: its length; None where nobody recorded it.
        sha256: its checksum; None where nobody recorded it.
        licence: the terms of the weights.
        citation: the paper to cite.
        member: its name inside the archive at the address, where that is one.
    """

    file: str
    addresses: tuple[str, ...]
    bytes: int | None
    sha256: str | None
    licence: str
    citation: str
    member: str | None = None


_TORCHVISION = "https://download.pytorch.org/models/"
_IMAGENET_LICENCE = "BSD-3-Clause (torchvision); trained on ImageNet, non-commercial research"

REGISTRY: dict[str, WeightsFile] = {
    "inception_fid": WeightsFile(
        file="pt_inception-2015-12-05-6726825d.pth",
        addresses=(
            "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
            "pt_inception-2015-12-05-6726825d.pth",
        ),
        bytes=95_628_359,
        sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
        licence="Apache-2.0",
        citation="Szegedy et al. 2016, Rethinking the Inception Architecture; Heusel et al. 2017",
    ),
    "alexnet": WeightsFile(
        file="alexnet-owt-7be5be79.pth",
        addresses=(f"{_TORCHVISION}alexnet-owt-7be5be79.pth",),
        bytes=244_408_911,
        sha256="7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
        licence=_IMAGENET_LICENCE,
        citation="Krizhevsky 2014, One weird trick for parallelizing convolutional networks",
    ),
    "vgg16": WeightsFile(
        file="vgg16-397923af.pth",
        addresses=(f"{_TORCHVISION}vgg16-397923af.pth",),
        bytes=553_433_881,
        sha256="397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
        licence=_IMAGENET_LICENCE,
        citation="Simonyan & Zisserman 2015, Very Deep Convolutional Networks",
    ),
    "squeezenet1_1": WeightsFile(
        file="squeezenet1_1-b8a52dc0.pth",
        addresses=(f"{_TORCHVISION}squeezenet1_1-b8a52dc0.pth",),
        bytes=None,
        sha256="b8a52dc049b60e4b6ab68ad0df457362afab8b6304b2febdc1650a5dab4d7e7b",
        licence=_IMAGENET_LICENCE,
        citation="Iandola et al. 2016, SqueezeNet",
    ),
    "arcface_r50": WeightsFile(
        file="w600k_r50.onnx",
        addresses=(
            "https://github.com/deepinsight/insightface/releases/download/v0.7/buffalo_l.zip",
        ),
        bytes=174_383_860,
        sha256="4c06341c33c2ca1f86781dab0e829f88ad5b64be9fba56e56bc9ebdefc619e43",
        licence="non-commercial research (InsightFace)",
        citation="Deng et al. 2019, ArcFace; trained on WebFace600K",
        member="w600k_r50.onnx",
    ),
    "mobilefacenet": WeightsFile(
        file="mobilefacenet_112.onnx",
        addresses=(
            "https://github.com/foamliu/MobileFaceNet/raw/master/weights/MobileFaceNet.onnx",
        ),
        bytes=3_998_070,
        sha256="b7120c095d60094f28a4a54ba6a8bf51b297a6273fb40ef6350dfec1f63d9507",
        licence="Apache-2.0; trained on refined MS-Celeb-1M",
        citation="Chen et al. 2018, MobileFaceNets",
    ),
}


def folder() -> Path:
    """The folder weights lie in; it need not exist."""
    return Path(os.environ.get("PIPELINE_WEIGHTS") or "~/.cache/local-gan-editing").expanduser()


def find(name: str) -> Path | None:
    """The file registered under a name, unchecked, or None where it is absent.

    Raises:
        UserError: nothing is registered under the name.
    """
    path = folder() / _registered(name).file
    return path if path.is_file() else None


def require(name: str) -> Path:
    """The file registered under a name, with its length and checksum verified.

    Raises:
        UserError: it is absent or not the official file, or the name is unknown.
    """
    wanted, path = _registered(name), find(name)
    if path is None:
        inside = f" (the archive's file {wanted.member})" if wanted.member else ""
        raise UserError(
            f"The weights '{name}' are missing: get {' or '.join(wanted.addresses)}{inside} and "
            f"put it at {folder() / wanted.file}. Terms: {wanted.licence}."
        )
    check(path, wanted)
    return path


def check(path: Path, wanted: WeightsFile) -> None:
    """Refuse a file that is not the registered one.

    Raises:
        UserError: its length or its checksum differs.
    """
    status = path.stat()
    if wanted.bytes is not None and status.st_size != wanted.bytes:
        raise UserError(
            f"{path} has {status.st_size} bytes, not {wanted.bytes}: the download is incomplete "
            f"or it is another file. Delete it and get {wanted.addresses[0]} again."
        )
    if wanted.sha256 and (found := _sha256(path, status.st_mtime_ns)) != wanted.sha256:
        raise UserError(
            f"{path} has the sha256 {found}, not {wanted.sha256}: it is another file. "
            f"Delete it and get {wanted.addresses[0]} again."
        )


def _registered(name: str) -> WeightsFile:
    if name not in REGISTRY:
        raise unknown_name("weights", name, REGISTRY)
    return REGISTRY[name]


@lru_cache
def _sha256(path: Path, modified: int) -> str:
    """Checksum of a file as it was modified last; half a gigabyte need be read once only."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
