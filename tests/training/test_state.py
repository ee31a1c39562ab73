"""Optimisers, the averaged generator, and a state that survives its file and a kill."""

import copy
import os
from pathlib import Path

import pytest
import torch
from torch import nn

from pipeline.errors import UserError
from pipeline.training.state import TrainingState, lazy_adam, new_state, update_ema

State = TrainingState[nn.Module, nn.Module]


def small_state(seed: int = 0, width: int = 4) -> State:
    """A state whose optimisers have taken steps."""
    torch.manual_seed(seed)
    generator = nn.Sequential(nn.Conv2d(2, width, 3), nn.BatchNorm2d(width))
    state = new_state(generator, nn.Linear(3, width), 2e-3, path_interval=8, r1_interval=16)
    for network in (state.generator, state.discriminator):
        for parameter in network.parameters():
            parameter.grad = torch.randn_like(parameter)
    state.generator_optimizer.step()
    state.discriminator_optimizer.step()
    state.path_mean, state.images = torch.tensor(0.25), 96
    return state


def everything(state: State) -> dict[str, object]:
    flat: dict[str, object] = {"path_mean": state.path_mean, "images": state.images}
    for name in ("generator", "discriminator", "ema"):
        flat |= {f"{name}.{k}": v for k, v in getattr(state, name).state_dict().items()}
    for name in ("generator_optimizer", "discriminator_optimizer"):
        saved = getattr(state, name).state_dict()
        flat[name] = saved["param_groups"]
        flat |= {f"{name}.{i}.{k}": v for i, s in saved["state"].items() for k, v in s.items()}
    return flat


def same(first: State, second: State) -> bool:
    a, b = everything(first), everything(second)
    assert a.keys() == b.keys()
    return all(
        torch.equal(a[k], b[k]) if isinstance(a[k], torch.Tensor) else a[k] == b[k]  # type: ignore[arg-type]
        for k in a
    )


@pytest.mark.parametrize("interval", [1, 8, 16])
def test_lazy_adam_is_corrected_for_its_interval(interval: int) -> None:
    """Appendix B: rate and memory shrink by c = k / (k + 1)."""
    adam = lazy_adam([nn.Parameter(torch.zeros(1))], 0.002, interval)
    c = interval / (interval + 1)
    assert adam.defaults["lr"] == pytest.approx(0.002 * c)
    assert adam.defaults["betas"] == (0.0, pytest.approx(0.99**c))


def test_the_average_decays() -> None:
    state = small_state()
    before = copy.deepcopy(state.ema)
    update_ema(state.ema, state.generator, 0.75)
    for old, new, now in zip(
        before.parameters(), state.generator.parameters(), state.ema.parameters(), strict=True
    ):
        torch.testing.assert_close(now, 0.75 * old + 0.25 * new)


def test_the_average_takes_buffers_as_they_are() -> None:
    state = small_state()
    state.generator.get_buffer("1.running_mean").fill_(3.0)
    update_ema(state.ema, state.generator, 0.999)
    assert state.ema.get_buffer("1.running_mean").eq(3.0).all()
    assert not any(p.requires_grad for p in state.ema.parameters())


def test_save_and_load_keep_every_bit(tmp_path: Path) -> None:
    state, other = small_state(0), small_state(1)
    assert not same(state, other)
    state.save(tmp_path / "checkpoint.pt")
    other.load(tmp_path / "checkpoint.pt")
    assert same(state, other)
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_the_checkpoint_has_the_names_of_earlier_ones(tmp_path: Path) -> None:
    small_state().save(tmp_path / "checkpoint.pt")
    saved = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert list(saved) == [
        "generator", "discriminator", "ema", "generator_optimizer", "discriminator_optimizer",
        "images", "path_mean",
    ]  # fmt: skip


@pytest.mark.parametrize("moment", ["torch.save", "os.replace"])
def test_a_kill_while_saving_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    path = tmp_path / "checkpoint.pt"
    small_state(0).save(path)

    def kill(*arguments: object) -> None:
        if moment == "torch.save":
            Path(str(arguments[1])).write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(f"pipeline.training.state.{moment}", kill)
        small_state(1).save(path)
    assert (tmp_path / "checkpoint.partial").exists()
    restored = small_state(2)
    restored.load(path)
    assert same(restored, small_state(0))
    small_state(1).save(path)  # what the kill left is in nobody's way
    assert os.listdir(tmp_path) == ["checkpoint.pt"]


def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pipeline.training.state.sync_file", full)
    with pytest.raises(UserError, match=r"training folder .* is full .*--out"):
        small_state().save(tmp_path / "checkpoint.pt")


def test_bad_checkpoints_are_named(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    with pytest.raises(UserError, match=r"checkpoint\.pt' cannot be read"):
        small_state().load(path)
    small_state().save(path)
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"nothing of the kind"):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"checkpoint\.pt' cannot be read"):
            small_state().load(path)
    small_state(width=5).save(path)
    with pytest.raises(UserError, match="not a checkpoint of these networks") as error:
        small_state().load(path)
    assert "\n" not in str(error.value)
