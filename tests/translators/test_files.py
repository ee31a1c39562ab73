"""Own and official files are read, the architecture inferred; everything else is one line."""

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.checkpoints.load import load_checkpoint
from pipeline.generators.checkpoints.own import save_own
from pipeline.translators.attgan import AttGANConfig
from pipeline.translators.base import Translator
from pipeline.translators.files import load_translator
from pipeline.translators.forms import CELEBA, Untold
from pipeline.translators.stargan import StarGANConfig
from tests.generators.networks import small_network
from tests.translators.small import ATTGAN, STARGAN, pictures, small

PHOTOS: dict[str, Any] = {"attributes": CELEBA[5], "resolution": 128, "domain": "photos"}
STAR = StarGANConfig(channels=4, blocks=3, halvings=2, **PHOTOS)
ATT = [
    AttGANConfig(channels=4, layers=4, shortcuts=s, injections=i, **PHOTOS)
    for s, i in ((1, 1), (1, 0), (0, 1), (2, 1), (0, 0))
]


def star_state(network: Translator) -> dict[str, Tensor]:
    """As the release saves it: with statistics of the norms, which mean nothing."""
    state = dict(network.state_dict())
    for name, tensor in list(state.items()):
        if tensor.ndim == 1 and name.endswith("weight"):
            norm = name.removesuffix("weight")
            state |= {
                f"{norm}running_mean": torch.full_like(tensor, 9.0),
                f"{norm}running_var": torch.full_like(tensor, 9.0),
                f"{norm}num_batches_tracked": torch.tensor(7),
            }
    return state


def same(first: Translator, second: Translator) -> bool:
    images, vectors = pictures(2, 32), torch.rand(2, len(first.config.attributes))
    return torch.equal(first(images, vectors), second(images, vectors))


@pytest.mark.parametrize("wrapped", ["", "module."])
def test_a_stargan_of_the_release(tmp_path: Path, wrapped: str) -> None:
    network = small(STAR)
    state = {wrapped + name: tensor for name, tensor in star_state(network).items()}
    torch.save(state, tmp_path / "200000-G.ckpt")
    found = load_translator(tmp_path / "200000-G.ckpt", "stargan")
    assert found.config == STAR
    assert same(found, network)


@pytest.mark.parametrize("config", ATT)
def test_an_attgan_of_the_release(tmp_path: Path, config: AttGANConfig) -> None:
    network = small(config)
    critic = {"conv.0.layers.0.weight": torch.zeros(4, 3, 4, 4)}
    content = {"G": network.state_dict(), "D": critic, "optim_G": {"state": {}}}
    torch.save(content, tmp_path / "weights.49.pth")
    found = load_translator(tmp_path / "weights.49.pth", "attgan")
    told = (found.config.shortcuts, found.config.injections)  # type: ignore[attr-defined]
    assert told == (config.shortcuts, config.injections)
    assert same(found, network)
    torch.save(network.state_dict(), tmp_path / "alone.pth")
    assert same(load_translator(tmp_path / "alone.pth", "attgan"), network)


def test_what_a_release_does_not_tell_can_be_said(tmp_path: Path) -> None:
    torch.save(small(STAR).state_dict(), tmp_path / "g.ckpt")
    names = ("a", "b", "c", "d", "e")
    found = load_translator(tmp_path / "g.ckpt", "stargan", Untold(names, 256))
    assert (found.config.attributes, found.config.resolution) == (names, 256)
    with pytest.raises(UserError, match=r"has 5 attributes.*method.attributes=\[...\] \(2 are"):
        load_translator(tmp_path / "g.ckpt", "stargan", Untold(("a", "b")))
    other = small(STARGAN)  # two attributes: nobody's
    torch.save(other.state_dict(), tmp_path / "two.ckpt")
    with pytest.raises(UserError, match="has 2 attributes and does not name them"):
        load_translator(tmp_path / "two.ckpt", "stargan")


@pytest.mark.parametrize("config", [STARGAN, ATTGAN])
def test_an_own_file(tmp_path: Path, config: StarGANConfig | AttGANConfig) -> None:
    network = small(config)
    save_own(network, tmp_path / "t.safetensors", {"images": 3})
    found = load_translator(tmp_path / "t.safetensors", network.name)
    assert found.config == config
    assert same(found, network)
    with pytest.raises(UserError, match="is none of StyleGAN2"):
        load_checkpoint(tmp_path / "t.safetensors")


def refused(path: Path, name: str = "stargan") -> str:
    with pytest.raises(UserError) as error:
        load_translator(path, name)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_wrong_files_are_one_line(tmp_path: Path) -> None:
    assert "method.weights=" in refused(tmp_path / "none.ckpt")
    whole = star_state(small(STAR))
    torch.save({k: v for k, v in whole.items() if k != "main.0.weight"}, tmp_path / "no_entry")
    assert "of no translator known here (stargan, attgan)" in refused(tmp_path / "no_entry")
    torch.save({k: v for k, v in whole.items() if k != "main.3.weight"}, tmp_path / "lacks")
    assert "lacks the tensors main.3.weight" in refused(tmp_path / "lacks")
    torch.save({**whole, "extra.weight": torch.zeros(1)}, tmp_path / "more")
    assert "unknown tensors extra.weight" in refused(tmp_path / "more")
    torch.save({**whole, "main.3.weight": torch.zeros(2, 2, 4, 4)}, tmp_path / "shape")
    assert "does not fit" in refused(tmp_path / "shape")
    save_own(small(ATTGAN), tmp_path / "a.safetensors", {})
    assert "take method=attgan" in refused(tmp_path / "a.safetensors")
    save_own(small_network(dtype=torch.float32), tmp_path / "s.safetensors", {})
    assert "'StyleGAN2' is none of StarGAN, AttGAN" in refused(tmp_path / "s.safetensors")
    (tmp_path / "text").write_text("hello")
    assert "no file of weights" in refused(tmp_path / "text")


class Shell:
    """What would run a command when it is read by the usual reader."""

    def __reduce__(self) -> Any:
        return print, ("run",)


def test_no_code_of_a_file_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "evil.ckpt").write_bytes(pickle.dumps({"main.0.weight": Shell()}))
    assert "print" in refused(tmp_path / "evil.ckpt")
    assert capsys.readouterr().out == ""
