"""Official classifiers of the forty attributes of CelebA, which StyleGAN's separability is of."""

from pipeline.datasets.celeba import ATTRIBUTES
from pipeline.weights.file import WeightsFile

PREFIX = "celeba_"
GROUP = "celeba_attributes"
"""The name that stands for all forty."""

_FOLDERS = (
    "https://nvlabs-fi-cdn.nvidia.com/stylegan/networks/metrics/",
    "https://d36zk2xti64re0.cloudfront.net/stylegan1/networks/metrics/",
)


def _classifier(number: int, attribute: str) -> WeightsFile:
    file = f"celebahq-classifier-{number:02}-{attribute.replace('_', '-')}.pkl"
    return WeightsFile(
        what=f"classifier of '{attribute}' on CelebA-HQ, 256 px",
        file=file,
        addresses=tuple(folder + file for folder in _FOLDERS),
        bytes=None,
        sha256=None,
        licence="CC BY-NC 4.0 (NVIDIA); CelebA-HQ, non-commercial research",
        citation="Karras et al. 2019, A Style-Based Generator Architecture for GANs, Sec. 4.2",
    )


CLASSIFIERS: dict[str, WeightsFile] = {
    f"{PREFIX}{attribute}": _classifier(number, attribute)
    for number, attribute in enumerate(ATTRIBUTES)
}
"""By the name they are asked for: ``celeba_smiling``."""
