"""LPIPS against recorded distances and torchvision's own layers."""

from pathlib import Path

import pytest
import torch

from pipeline.errors import UserError
from pipeline.evaluators.lpips import LPIPS
from tests.conftest import Oracle


def random_backbone(name: str, folder: Path) -> tuple[torch.nn.Module, Path]:
    """Convolutions of a torchvision network with random weights, and their file."""
    import torchvision

    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        features = getattr(torchvision.models, name)(weights=None).features
    draw = torch.Generator().manual_seed(0)
    features = features.to_empty(device="cpu").eval()
    for parameter in features.parameters():
        fan_in = parameter[0].numel()
        parameter.data = torch.randn(parameter.shape, generator=draw) * (2 / fan_in) ** 0.5
    path = folder / f"{name}.pth"
    torch.save({f"features.{k}": v for k, v in features.state_dict().items()}, path)
    return features, path


def test_equals_the_recorded_distances(oracle: Oracle, tmp_path: Path) -> None:
    tensors, _ = oracle("metric_lpips_a")
    state = {k[6:]: v.float() for k, v in tensors.items() if k.startswith("state.")}
    backbone = {
        f"features.{k.split('.', 2)[2]}": v for k, v in state.items() if k.startswith("net.")
    }
    torch.save(backbone, tmp_path / "squeeze.pth")
    distance = LPIPS("squeeze", tmp_path / "squeeze.pth")
    heads = {k: v for k, v in state.items() if k.startswith("lin")}
    assert not distance.network.load_state_dict(heads, strict=False).unexpected_keys
    result = distance(tensors["in.image0"], tensors["in.image1"])
    assert (result - tensors["out.distance"].flatten()).abs().max() < 1e-6


@pytest.mark.parametrize(
    ("net", "model", "ends"),
    [
        ("alex", "alexnet", (2, 5, 8, 10, 12)),
        ("squeeze", "squeezenet1_1", (2, 5, 8, 10, 11, 12, 13)),
    ],
)
def test_the_backbone_is_torchvisions(
    net: str, model: str, ends: tuple[int, ...], tmp_path: Path
) -> None:
    features, path = random_backbone(model, tmp_path)
    distance = LPIPS(net, path)
    images = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(3)) * 2 - 1
    with torch.no_grad():
        ours = distance.network.net(images)
        for end, layer in zip(ends, ours, strict=True):
            assert torch.allclose(layer, features[:end](images), rtol=1e-5, atol=1e-6)  # type: ignore[index]


def test_it_has_the_official_heads_and_no_training(tmp_path: Path) -> None:
    import lpips

    distance = LPIPS("alex", random_backbone("alexnet", tmp_path)[1])
    heads = Path(lpips.__file__).parent / "weights" / "v0.1" / "alex.pth"
    for name, value in torch.load(heads, "cpu", weights_only=True).items():
        assert torch.equal(distance.network.state_dict()[name], value)
    assert not distance.training
    assert not any(p.requires_grad for p in distance.parameters())


def test_it_can_be_followed_downhill(tmp_path: Path) -> None:
    distance = LPIPS("squeeze", random_backbone("squeezenet1_1", tmp_path)[1])
    draw = torch.Generator().manual_seed(5)
    a, b = (torch.rand(2, 3, 48, 48, generator=draw) * 2 - 1 for _ in range(2))
    before = distance(a.requires_grad_(), b)
    (slope,) = torch.autograd.grad(before.sum(), a)
    after = distance((a - 1e-3 * slope / slope.abs().mean()).detach(), b)
    assert not after.requires_grad
    assert (after < before).all()


def test_equal_images_have_no_distance_and_pairs_do_not_mix(tmp_path: Path) -> None:
    distance = LPIPS("squeeze", random_backbone("squeezenet1_1", tmp_path)[1])
    draw = torch.Generator().manual_seed(4)
    a, b = (torch.rand(3, 3, 40, 33, generator=draw) * 2 - 1 for _ in range(2))
    assert distance(a, a).abs().max() == 0
    one_by_one = torch.cat([distance(a[i : i + 1], b[i : i + 1]) for i in range(3)])
    assert (distance(a, b) - one_by_one).abs().max() < 1e-6


def test_names_and_mistakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPELINE_WEIGHTS", str(tmp_path))
    assert LPIPS("squeeze", random_backbone("squeezenet1_1", tmp_path)[1]).name == "lpips_squeeze"
    with pytest.raises(UserError, match="Did you mean net=alex"):
        LPIPS("alexx")
    with pytest.raises(UserError, match="'alexnet' are missing"):
        LPIPS()
    with pytest.raises(UserError, match="does not hold the weights of this backbone"):
        LPIPS("alex", tmp_path / "squeezenet1_1.pth")
