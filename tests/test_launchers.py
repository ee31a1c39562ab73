"""Launchers and searches: their configurations compose, and mistakes in them are one line."""

import tomllib
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig

from pipeline.config import register
from pipeline.errors import UserError
from pipeline.plugins import EXTRAS
from pipeline.preflight import CONF, preflight

PACKAGES = {
    "ray": "hydra_ray_launcher",
    "slurm": "hydra_submitit_launcher",
    "optuna": "hydra_optuna_sweeper",
}
SEARCH = ("-m", "hydra/sweeper=tune", "method.tau=tag(log,interval(1e-5,1e-1))")


def hydra_of(*overrides: str) -> DictConfig:
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        node: DictConfig = compose("config", list(overrides), return_hydra_config=True)
    return node


def own(kind: str) -> list[str]:
    return sorted(path.stem for path in (CONF / "hydra" / kind).glob("*.yaml"))


def test_every_own_choice_names_its_extra() -> None:
    for kind in ("launcher", "sweeper"):
        assert own(kind)
        assert set(own(kind)) <= {"local", *EXTRAS[f"hydra/{kind}"]}


@pytest.mark.parametrize(
    ("choice", "key", "value"),
    [
        ("launcher=local", "launcher.n_jobs", 2),
        ("launcher=slurm", "launcher.array_parallelism", 16),
        ("launcher=slurm_local", "launcher.timeout_min", 240),
        ("launcher=ray_local", "launcher.ray.init.num_cpus", 2),
        ("launcher=ray_cluster", "launcher.ray.init.address", "auto"),
        ("launcher=ray_cluster", "launcher.ray.init.object_store_memory", None),
        ("sweeper=tune", "sweeper.direction", "maximize"),
    ],
)
def test_a_choice_composes(choice: str, key: str, value: object) -> None:
    kind, name = choice.split("=")
    if extra := EXTRAS[f"hydra/{kind}"].get(name):  # joblib's comes with the project
        pytest.importorskip(f"hydra_plugins.{PACKAGES[extra]}")
    node: Any = hydra_of(f"hydra/{choice}").hydra
    for part in key.split("."):
        assert part in node
        node = node[part]
    assert node == value


@pytest.mark.parametrize(("objective", "way"), [("mse_out", "minimize"), ("ssim", "maximize")])
def test_a_search_goes_the_way_that_is_better(objective: str, way: str) -> None:
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper")
    assert hydra_of("hydra/sweeper=tune", f"objective={objective}").hydra.sweeper.direction == way


@pytest.mark.parametrize(
    "arguments",
    [
        ["-m", "hydra/launcher=local", "hydra.launcher.n_jobs=4", "region=mouth,eyes"],
        ["-m", "hydra/launcher=slurm", "hydra.launcher.partition=gpu", "region=mouth,eyes"],
        ["-m", "hydra/launcher=ray_local", "+hydra.launcher.ray.remote.num_gpus=1"],
        ["-m", "hydra/launcher=slurm_local", "hydra.sweeper.max_batch_size=2"],
        ["-m", "samples=40", "batch=20", "shards=2", "shard=range(2)"],
        [*SEARCH, "hydra.sweeper.n_trials=3"],
        [*SEARCH, "objective=ssim", "method.space=w+", "method.edit_layers=choice([0,2],[2,6])"],
        [*SEARCH, "method.num_codes=range(1,8)", "hydra/launcher=local"],
    ],
    ids=" ".join,
)
def test_a_right_command_line_passes(arguments: list[str]) -> None:
    preflight(arguments)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["-m", "hydra/launcher=ray_lokal"], ["hydra/launcher", "hydra/launcher=ray_local"]),
        (["-m", "hydra/sweeper=optnua"], ["hydra/sweeper=optuna", "tune"]),
        (["-m", "hydra/launcher=local", "hydra.launcher.njobs=4"], ["njobs"]),
        (["-m", "method.tau=interval(0,1)"], ["method.tau=interval(0,1)", "hydra/sweeper=tune"]),
        ([*SEARCH, "samples=interval(0,8)"], ["samples=0"]),
        ([*SEARCH, "objective=mse_ration"], ["objective=mse_ratio", "ssim"]),
        ([*SEARCH, "objective=mse_in"], ["mse_in", "mse_ratio"]),
        (["-m", "samples=40", "shards=8", "shard=range(8)"], ["shards=8", "batch=5"]),
        (["-m", "samples=40", "batch=5", "shards=2", "shard=range(3)"], ["shard=2", "0 to 1"]),
    ],
    ids=str,
)
def test_a_mistake_is_one_line(arguments: list[str], named: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        preflight(arguments)
    message = str(caught.value)
    assert "\n" not in message
    for word in named:
        assert word in message


@pytest.mark.parametrize(
    ("choice", "brought", "extra"),
    [
        ("launcher=ray_local", "ray", "ray"),
        ("launcher=ray_cluster", "ray", "ray"),
        ("launcher=slurm", "submitit_slurm", "slurm"),
        ("launcher=slurm_local", "submitit_local", "slurm"),
        ("launcher=submitit_local", "submitit_local", "slurm"),
        ("sweeper=tune", "optuna", "optuna"),
    ],
)
def test_a_plugin_that_is_missing_is_named_with_its_extra(
    choice: str, brought: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    preflight([])  # Hydra looks for plugins once
    group: Any = ConfigStore.instance().repo["hydra"][choice.split("=")[0]]
    monkeypatch.delitem(group, f"{brought}.yaml", raising=False)
    with pytest.raises(UserError) as caught:
        preflight(["-m", f"hydra/{choice}", "region=mouth,eyes"])
    assert f"hydra/{choice.split('=')[0]}=" in str(caught.value)
    assert f"uv sync --extra {extra}," in str(caught.value)


def test_the_extras_are_those_of_the_project() -> None:
    project = tomllib.loads((CONF.parent / "pyproject.toml").read_text())["project"]
    assert {e for group in EXTRAS.values() for e in group.values()} <= set(
        project["optional-dependencies"]
    )
