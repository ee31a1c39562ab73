"""Official files of generators.

StyleGAN2 on LSUN bedrooms is not among them: nobody of its authors published one.
"""

from pipeline.weights.file import WeightsFile

_NVIDIA = "https://nvlabs-fi-cdn.nvidia.com/"
_CLOUDFRONT = "https://d36zk2xti64re0.cloudfront.net/"
_NGC = "https://api.ngc.nvidia.com/v2/models/nvidia/research/{}/versions/1/files/"
_HUGGINGFACE = "https://s3.amazonaws.com/models.huggingface.co/biggan/"

_CC_BY_NC = "CC BY-NC 4.0 (NVIDIA)"
_NVIDIA_NC = "NVIDIA Source Code License, non-commercial"

_KARRAS_2019 = "Karras et al. 2019, A Style-Based Generator Architecture for GANs"
_KARRAS_2020 = "Karras et al. 2020, Analyzing and Improving the Image Quality of StyleGAN"
_KARRAS_2021 = "Karras et al. 2021, Alias-Free Generative Adversarial Networks"
_ADA = "Karras et al. 2020, Training Generative Adversarial Networks with Limited Data"
_BROCK = "Brock et al. 2019, Large Scale GAN Training for High Fidelity Natural Image Synthesis"


def _drive(key: str) -> tuple[str]:
    """The address of a file that is on Google Drive only."""
    return (f"https://drive.google.com/uc?export=download&id={key}",)


def _stylegan(data: str, size: int, key: str, file: str) -> WeightsFile:
    return WeightsFile(
        what=f"StyleGAN, {data} {size} px",
        file=file,
        addresses=_drive(key),
        bytes=None,
        sha256=None,
        licence=_CC_BY_NC,
        citation=_KARRAS_2019,
    )


def _stylegan2(
    data: str, size: int, name: str, length: int | None = None, sha256: str | None = None
) -> WeightsFile:
    """Configuration F of the TensorFlow release."""
    file = f"stylegan2-{name}-config-f.pkl"
    return WeightsFile(
        what=f"StyleGAN2 config F, {data} {size} px",
        file=file,
        addresses=tuple(f"{host}stylegan2/networks/{file}" for host in (_NVIDIA, _CLOUDFRONT)),
        bytes=length,
        sha256=sha256,
        licence=_NVIDIA_NC,
        citation=_KARRAS_2020,
    )


def _ngc(network: str, size: int) -> WeightsFile:
    """StyleGAN3, and StyleGAN2 as it was released again beside it."""
    family = network.partition("-")[0]
    file = f"{network}-ffhq-{size}x{size}.pkl"
    return WeightsFile(
        what=f"StyleGAN{network.removeprefix('stylegan').upper()} (PyTorch), FFHQ {size} px",
        file=file,
        addresses=(_NGC.format(family) + file,),
        bytes=None,
        sha256=None,
        licence=_NVIDIA_NC,
        citation=_KARRAS_2020 if family == "stylegan2" else _KARRAS_2021,
    )


def _biggan_deep(size: int, length: int | None = None, sha256: str | None = None) -> WeightsFile:
    file = f"biggan-deep-{size}-pytorch_model.bin"
    return WeightsFile(
        what=f"BigGAN-deep (Hugging Face), ImageNet {size} px",
        file=file,
        addresses=(f"{_HUGGINGFACE}{file}",),
        bytes=length,
        sha256=sha256,
        licence="MIT (Hugging Face's port of DeepMind's weights)",
        citation=_BROCK,
    )


GENERATORS: dict[str, WeightsFile] = {
    "stylegan_ffhq": _stylegan(
        "FFHQ", 1024, "1MEGjdvVpUsu1jB4zrXZN7Y4kBBOzizDQ", "karras2019stylegan-ffhq-1024x1024.pkl"
    ),
    "stylegan_celebahq": _stylegan(
        "CelebA-HQ",
        1024,
        "1MGqJl28pN4t7SAtSrPdSRJSQJqahkzUf",
        "karras2019stylegan-celebahq-1024x1024.pkl",
    ),
    "stylegan_bedroom": _stylegan(
        "LSUN bedroom",
        256,
        "1MOSKeGF0FJcivpBI7s63V9YHloUTORiF",
        "karras2019stylegan-bedrooms-256x256.pkl",
    ),
    "stylegan2_ffhq": _stylegan2(
        "FFHQ",
        1024,
        "ffhq",
        381_673_535,
        "adf127ea7bb8a7788c8bdeda3c9937f7310b669b09ecf799ca53a631ff46948d",
    ),
    "stylegan2_car": _stylegan2("LSUN car", 512, "car"),
    "stylegan2_church": _stylegan2("LSUN church", 256, "church"),
    "stylegan2_horse": _stylegan2("LSUN horse", 256, "horse"),
    "stylegan2_cat": _stylegan2("LSUN cat", 256, "cat"),
    "stylegan2_ada_ffhq": WeightsFile(
        what="StyleGAN2-ADA (PyTorch), FFHQ 1024 px",
        file="stylegan2-ada-ffhq.pkl",
        addresses=(f"{_NVIDIA}stylegan2-ada-pytorch/pretrained/ffhq.pkl",),
        bytes=None,
        sha256=None,
        licence=_NVIDIA_NC,
        citation=_ADA,
    ),
    "stylegan2_ffhq_256": _ngc("stylegan2", 256),
    "stylegan2_ffhq_512": _ngc("stylegan2", 512),
    "stylegan2_ffhq_1024": _ngc("stylegan2", 1024),
    "stylegan3_t_ffhq": _ngc("stylegan3-t", 1024),
    "stylegan3_r_ffhq": _ngc("stylegan3-r", 1024),
    "pggan_celebahq": WeightsFile(
        what="PGGAN, CelebA-HQ 1024 px",
        file="karras2018iclr-celebahq-1024x1024.pkl",
        addresses=_drive("188K19ucknC6wg1R6jbuPEhTq9zoufOx4"),
        bytes=None,
        sha256=None,
        licence=_CC_BY_NC,
        citation="Karras et al. 2018, Progressive Growing of GANs",
    ),
    "biggan_imagenet_128": WeightsFile(
        what="BigGAN (ajbrock), ImageNet 128 px",
        file="biggan-pytorch-imagenet-128.pth",
        addresses=_drive("1nAle7FCVFZdix2--ks0r5JBkFnKw8ctW"),
        bytes=None,
        sha256=None,
        licence="MIT (ajbrock/BigGAN-PyTorch); trained on ImageNet, non-commercial research",
        citation=_BROCK,
        member="G_ema.pth",
    ),
    "biggan_imagenet_256": WeightsFile(
        what="BigGAN (DeepMind), ImageNet 256 px",
        file="biggan-256.pth",
        addresses=(),
        bytes=None,
        sha256=None,
        licence="Apache-2.0 (DeepMind on TensorFlow Hub)",
        citation=_BROCK,
        origin="convert https://tfhub.dev/deepmind/biggan-256/2 with TFHub/converter.py of "
        "https://github.com/ajbrock/BigGAN-PyTorch",
    ),
    "biggan_deep_128": _biggan_deep(128),
    "biggan_deep_256": _biggan_deep(
        256,
        234_411_737,
        "5900ef4065047e3aa0d1b66197b7f2664dceb59b27080e414ad57e203c485bc5",
    ),
    "biggan_deep_512": _biggan_deep(512),
    "pix2pixhd_cityscapes": WeightsFile(
        what="pix2pixHD label2city, Cityscapes 2048 x 1024 px",
        file="pix2pixhd-label2city-1024p.pth",
        addresses=_drive("1OR-2aEPHOxZKuoOV34DvQxreqGCSLcW9"),
        bytes=None,
        sha256=None,
        licence="LICENSE.txt of NVIDIA/pix2pixHD; trained on Cityscapes, non-commercial",
        citation="Wang et al. 2018, High-Resolution Image Synthesis with Conditional GANs",
    ),
    "semantic_stylegan_celebamask": WeightsFile(
        what="SemanticStyleGAN, CelebAMask-HQ 512 px",
        file="CelebAMask-HQ-512x512.pt",
        addresses=(
            "https://github.com/seasonSH/SemanticStyleGAN/releases/download/1.0.0/"
            "CelebAMask-HQ-512x512.pt",
        ),
        bytes=None,
        sha256=None,
        licence="CC BY-NC-SA 4.0 by its source; CelebAMask-HQ, non-commercial research",
        citation="Shi et al. 2022, SemanticStyleGAN",
    ),
}
"""By the name they are asked for, which is that of the configuration in ``conf/generator``."""
