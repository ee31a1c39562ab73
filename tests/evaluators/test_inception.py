"""The FID Inception network against pytorch-fid's, with the same random weights."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.evaluators.inception import InceptionFeatures


@pytest.fixture(scope="module")
def theirs() -> Iterator[torch.nn.Module]:
    """pytorch-fid's network with random weights in place of the downloaded ones."""
    from pytorch_fid import inception as fid

    with pytest.MonkeyPatch.context() as patch, torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        patch.setattr(fid, "load_state_dict_from_url", lambda *_, **__: {})
        patch.setattr(torch.nn.Module, "load_state_dict", lambda *_, **__: None)
        network = fid.InceptionV3([3]).eval()
    draw = torch.Generator().manual_seed(1)
    for name, tensor in network.state_dict().items():
        if name.endswith("conv.weight"):
            tensor.copy_(torch.randn(tensor.shape, generator=draw) * (2 / tensor[0].numel()) ** 0.5)
        elif "running_var" in name:
            tensor.copy_(torch.rand(tensor.shape, generator=draw) + 0.5)
        elif "running_mean" in name or name.endswith("bn.bias"):
            tensor.copy_(torch.randn(tensor.shape, generator=draw) * 0.1)
    yield network


@pytest.fixture(scope="module")
def path(theirs: torch.nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same weights as a file, under the names of the official one."""
    from torchvision.models import Inception3

    names = [
        *("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "", "Conv2d_3b_1x1", "Conv2d_4a_3x3"),
        *("", "Mixed_5b", "Mixed_5c", "Mixed_5d", "Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d"),
        *("Mixed_6e", "Mixed_7a", "Mixed_7b", "Mixed_7c", ""),
    ]
    unused = Inception3(num_classes=1008, aux_logits=False, init_weights=False).fc
    state = unused.state_dict(prefix="fc.")
    layers = [layer for block in theirs.blocks for layer in block]  # type: ignore[union-attr]
    for name, layer in zip(names, layers, strict=True):
        state.update({f"{name}.{key}": value for key, value in layer.state_dict().items()})
    file = tmp_path_factory.mktemp("weights") / "inception.pth"
    torch.save(state, file)
    return file


def images(n: int, size: int) -> Tensor:
    """8-bit images, as they would come from files."""
    draw = torch.Generator().manual_seed(2)
    return torch.randint(256, (n, 3, size, size), generator=draw) / 127.5 - 1


def test_equals_pytorch_fid(theirs: torch.nn.Module, path: Path) -> None:
    batch = images(2, 64)
    with torch.no_grad():
        expected = theirs((batch + 1) / 2)[0].flatten(1)
    features = InceptionFeatures(path)(batch)
    assert features.shape == (2, 2048)
    assert features.std(0).mean() > 1e-3  # the images are told apart
    assert (features - expected).abs().max() < 1e-5 * expected.abs().max()


def test_images_are_rounded_to_8_bits(path: Path) -> None:
    network = InceptionFeatures(path)
    batch = images(1, 16)
    assert torch.equal(network(batch), network((batch + 0.4 / 127.5).clamp(-1, 1)))
    assert torch.equal(network(torch.full((1, 3, 8, 8), 5.0)), network(torch.ones(1, 3, 8, 8)))


def test_it_is_the_official_fid(path: Path) -> None:
    network = InceptionFeatures(path)
    assert (network.name, network.dim, network.source) == ("fid", 2048, str(path))


def test_other_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPELINE_WEIGHTS", str(tmp_path))
    with pytest.raises(UserError, match="'inception_fid' are missing"):
        InceptionFeatures()
    broken, other = tmp_path / "broken.pth", tmp_path / "other.pth"
    broken.write_bytes(b"<html>")
    torch.save({"weight": torch.zeros(2)}, other)
    for path in (broken, other):
        with pytest.raises(UserError, match="does not hold the weights of the FID Inception"):
            InceptionFeatures(path)
