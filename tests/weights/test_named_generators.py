"""Every generator of ``conf/generator`` composes, fits what it names, and is missed in one line."""

import inspect
import os
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import get_method, instantiate
from omegaconf import OmegaConf

from pipeline.config import register
from pipeline.errors import UserError
from pipeline.generators.biggan import BigGAN, BigGANConfig
from pipeline.generators.checkpoints.own import save_own
from pipeline.generators.class_conditional import ClassConditional
from pipeline.generators.stylegan2 import StyleGAN2, StyleGAN2Config
from pipeline.preflight import CONF, preflight
from pipeline.weights.registry import REGISTRY

ROOT = Path(__file__).parents[2]
NAMES = sorted(path.stem for path in (CONF / "generator").glob("*.yaml"))
SHIPPED = {name for name in NAMES if name.endswith("_procfaces")}
OFFICIAL = sorted(set(NAMES) - SHIPPED - {"checkpoint"})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PIPELINE_WEIGHTS", str(tmp_path))
    return tmp_path


def node(*overrides: str) -> dict[str, Any]:
    """The generator of a composed run, without what is said for other parts of the run."""
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", list(overrides)).generator
    generator: dict[str, Any] = OmegaConf.to_container(config)
    return {key: value for key, value in generator.items() if key != "domain"}


def unpublished(name: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Take any file for the registered one; returns what it is called."""
    monkeypatch.setitem(REGISTRY, name, replace(REGISTRY[name], bytes=None, sha256=None))
    return REGISTRY[name].file


def put_stylegan2(path: Path) -> None:
    save_own(StyleGAN2(StyleGAN2Config(8, (8, 4), 8, 8, 2)).eval(), path, {})


def put_biggan(path: Path) -> None:
    config = BigGANConfig(channels=(8, 4), z_dim=8, num_classes=5, shared_dim=4)
    save_own(BigGAN(config).eval(), path, {})


@pytest.mark.parametrize("name", NAMES)
def test_a_configuration_fits_the_function_it_names(name: str) -> None:
    config = node(f"generator={name}")
    inspect.signature(get_method(config.pop("_target_"))).bind(**config)
    assert config["name"] == name
    header = (CONF / "generator" / f"{name}.yaml").read_text().splitlines()[0]
    assert header.startswith("# ") and len(header) <= 100


@pytest.mark.parametrize("name", OFFICIAL)
def test_an_official_generator_is_registered_and_missed(name: str, folder: Path) -> None:
    assert node(f"generator={name}")["weights"] == name
    with pytest.raises(UserError) as error:
        preflight([f"generator={name}"])
    line = str(error.value)
    assert "\n" not in line
    for part in (REGISTRY[name].file, str(folder), REGISTRY[name].source, REGISTRY[name].licence):
        assert part in line


def test_one_missing_generator_of_a_sweep_is_enough(folder: Path) -> None:
    with pytest.raises(UserError, match="'stylegan2_cat' are missing"):
        preflight(["-m", "generator=stylegan2_procfaces,stylegan2_cat"])


def test_a_generator_that_is_here_passes(folder: Path) -> None:
    (folder / REGISTRY["stylegan2_cat"].file).write_bytes(b"not read yet")
    preflight(["generator=stylegan2_cat", "generator.truncation_psi=0.9"])


def test_a_named_generator_is_loaded_and_set(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_stylegan2(folder / unpublished("stylegan2_ffhq", monkeypatch))
    generator = instantiate(node("generator=stylegan2_ffhq", "generator.truncation_cutoff=2"))
    assert (generator.name, generator.resolution) == ("stylegan2_ffhq", 8)
    assert (generator.truncation_psi, generator.truncation_cutoff) == (0.7, 2)


@pytest.mark.parametrize(("given", "classes"), [("3", [3]), ("[1,4]", [1, 4]), ("null", None)])
def test_classes_and_truncation_of_a_biggan_are_set(
    folder: Path, monkeypatch: pytest.MonkeyPatch, given: str, classes: list[int] | None
) -> None:
    put_biggan(folder / unpublished("biggan_deep_128", monkeypatch))
    generator = instantiate(node("generator=biggan_deep_128", f"generator.classes={given}"))
    assert isinstance(generator, ClassConditional)
    assert (generator.truncation, generator.classes) == (0.4, classes)
    codes = generator.sample(40, torch.Generator().manual_seed(0))
    assert codes.labels is not None
    assert set(codes.labels.tolist()) == set(classes or range(5))
    assert codes.values.abs().max() <= 0.8


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("generator.classes=[5]", "must name classes in 0..4"),
        ("generator.classes=[]", "must name classes in 0..4"),
        ("generator.classes=dog", "generator.classes=dog"),
        ("generator.classes=[1,cat]", "generator.classes=.*cat"),
        ("generator.classes=1.5", "generator.classes=1.5"),
        ("generator.truncation=high", "generator.truncation=high"),
        ("generator.truncation=1.5", "truncation=1.5"),
    ],
)
def test_wrong_settings_of_a_biggan_are_one_line(tmp_path: Path, override: str, told: str) -> None:
    put_biggan(tmp_path / "g.safetensors")
    assert_refused(tmp_path / "g.safetensors", override, told)


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("generator.truncation_psi=strong", "generator.truncation_psi=strong"),
        ("generator.truncation_cutoff=1.5", "generator.truncation_cutoff=1.5"),
        ("generator.classes=[1]", "is a StyleGAN2.*BigGAN family"),
    ],
)
def test_wrong_settings_of_a_stylegan_are_one_line(
    tmp_path: Path, override: str, told: str
) -> None:
    put_stylegan2(tmp_path / "g.safetensors")
    assert_refused(tmp_path / "g.safetensors", override, told)


def assert_refused(path: Path, override: str, told: str) -> None:
    config = node("generator=checkpoint", f"generator.checkpoint={path}", override)
    target = get_method(config.pop("_target_"))
    with pytest.raises(UserError, match=told) as error:
        target(**config)
    assert "\n" not in str(error.value)


def test_any_checkpoint_takes_the_settings_of_its_architecture(tmp_path: Path) -> None:
    put_biggan(tmp_path / "g.safetensors")
    config = node("generator=checkpoint", f"generator.checkpoint={tmp_path / 'g.safetensors'}")
    assert instantiate(config).truncation is None
    assert instantiate(config, truncation=0.5, classes=[2]).classes == [2]


def test_a_run_without_weights_ends_in_one_line_and_seconds(folder: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "run.py", "generator=stylegan2_ffhq"],
        cwd=ROOT,
        env=os.environ | {"PIPELINE_WEIGHTS": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: The weights 'stylegan2_ffhq' are missing")
    assert done.stderr.count("\n") == 1
    for part in ("stylegan2-ffhq-config-f.pkl", "https://nvlabs-fi-cdn.nvidia.com/", str(folder)):
        assert part in done.stderr
    # Its own seconds, which do not depend on what else the machine is doing; about 0.6.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 5


def test_torch_is_not_imported_to_miss_a_file(folder: Path) -> None:
    code = (
        "import sys\nfrom pipeline.errors import UserError\nfrom pipeline.preflight import "
        "preflight\ntry:\n    preflight(['generator=stylegan2_ffhq'])\nexcept UserError:\n"
        "    print('torch' in sys.modules, 'requests' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.stdout == "False False\n", done.stderr
