"""Official files of the networks that judge images, or find and part the faces in them."""

from pipeline.weights.file import WeightsFile

_TORCHVISION = "https://download.pytorch.org/models/"
_IMAGENET_LICENCE = "BSD-3-Clause (torchvision); trained on ImageNet, non-commercial research"

EVALUATORS: dict[str, WeightsFile] = {
    "inception_fid": WeightsFile(
        what="Inception v3 of FID, TensorFlow port",
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
        what="AlexNet, the backbone of LPIPS",
        file="alexnet-owt-7be5be79.pth",
        addresses=(f"{_TORCHVISION}alexnet-owt-7be5be79.pth",),
        bytes=244_408_911,
        sha256="7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
        licence=_IMAGENET_LICENCE,
        citation="Krizhevsky 2014, One weird trick for parallelizing convolutional networks",
    ),
    "vgg16": WeightsFile(
        what="VGG-16, the backbone of LPIPS for gradients",
        file="vgg16-397923af.pth",
        addresses=(f"{_TORCHVISION}vgg16-397923af.pth",),
        bytes=553_433_881,
        sha256="397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
        licence=_IMAGENET_LICENCE,
        citation="Simonyan & Zisserman 2015, Very Deep Convolutional Networks",
    ),
    "squeezenet1_1": WeightsFile(
        what="SqueezeNet 1.1, the smallest backbone of LPIPS",
        file="squeezenet1_1-b8a52dc0.pth",
        addresses=(f"{_TORCHVISION}squeezenet1_1-b8a52dc0.pth",),
        bytes=None,
        sha256="b8a52dc049b60e4b6ab68ad0df457362afab8b6304b2febdc1650a5dab4d7e7b",
        licence=_IMAGENET_LICENCE,
        citation="Iandola et al. 2016, SqueezeNet",
    ),
    "arcface_r50": WeightsFile(
        what="ArcFace ResNet-50, face recogniser",
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
        what="MobileFaceNet, small face recogniser",
        file="mobilefacenet_112.onnx",
        addresses=(
            "https://github.com/foamliu/MobileFaceNet/raw/master/weights/MobileFaceNet.onnx",
        ),
        bytes=3_998_070,
        sha256="b7120c095d60094f28a4a54ba6a8bf51b297a6273fb40ef6350dfec1f63d9507",
        licence="Apache-2.0; trained on refined MS-Celeb-1M",
        citation="Chen et al. 2018, MobileFaceNets",
    ),
    "yunet": WeightsFile(
        what="YuNet, face detector with five landmarks",
        file="face_detection_yunet_2023mar.onnx",
        addresses=(
            "https://github.com/opencv/opencv_zoo/raw/main/models/face_detection_yunet/"
            "face_detection_yunet_2023mar.onnx",
        ),
        bytes=232_589,
        sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
        licence="MIT (OpenCV model zoo)",
        citation="Wu et al. 2023, YuNet: A Tiny Millisecond-level Face Detector",
    ),
    "bisenet_celebamask": WeightsFile(
        what="BiSeNet, face parser, 19 classes",
        file="79999_iter.pth",
        addresses=(
            "https://drive.google.com/uc?export=download&id=154JgKpzCPW82qINcVieuPH3fZ2e0P812",
        ),
        bytes=None,
        sha256=None,
        licence="MIT (zllrunning/face-parsing.PyTorch); CelebAMask-HQ, non-commercial research",
        citation="Yu et al. 2018, BiSeNet; trained on CelebAMask-HQ (Lee et al. 2020, MaskGAN)",
    ),
}
"""By the name they are asked for."""
