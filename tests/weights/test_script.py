"""``scripts/fetch_weights.py`` as a person uses it."""

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.weights.server import Site, serving

ROOT = Path(__file__).parents[2]
CONTENT = b"weights" * 1000


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    names = ("stylegan2-cat-config-f", "stylegan2-ffhq-config-f", "celebahq-classifier-01-smiling")
    files = {f"/{name}.pkl": CONTENT for name in names}
    with serving(Site(files)) as running:
        yield running


def script(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PIPELINE_WEIGHTS": str(folder), "NO_PROXY": "127.0.0.1"}
    return subprocess.run(
        [sys.executable, "scripts/fetch_weights.py", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_files_are_listed(tmp_path: Path) -> None:
    (tmp_path / "stylegan2-cat-config-f.pkl").write_bytes(b"")
    done = script("--list", folder=tmp_path)
    lines = (re.split("  +", line) for line in done.stdout.splitlines())
    rows = {name: cells for name, *cells in lines if cells}
    assert (done.returncode, done.stderr) == (0, "")
    assert rows["stylegan2_ffhq"][1:4] == ["382 MB", "published", "no"]
    assert "NVIDIA Source Code License" in rows["stylegan2_ffhq"][4]
    assert rows["stylegan2_cat"][1:4] == ["?", "first use", "yes"]
    assert f"folder: {tmp_path}" in done.stdout


def test_what_can_be_had_is_fetched_and_the_rest_told(tmp_path: Path, site: Site) -> None:
    names = ("stylegan2_cat", "stylegan2_ffhq", "stylegan2_cat", "stylegan2_horse")
    done = script(*names, "--mirror", site.address, folder=tmp_path)
    assert done.returncode == 2
    (line,) = done.stdout.splitlines()
    assert "sha256 recorded: none was published" in line
    assert (tmp_path / "stylegan2-cat-config-f.pkl").read_bytes() == CONTENT
    assert hashlib.sha256(CONTENT).hexdigest() in (tmp_path / "checksums.json").read_text()
    another, absent = done.stderr.splitlines()
    assert "the file there has 7000 bytes, not 381673535" in another
    assert "stylegan2-horse-config-f.pkl: HTTP 404" in absent


def test_one_name_stands_for_all_attribute_classifiers(tmp_path: Path, site: Site) -> None:
    done = script("celeba_attributes", "--mirror", site.address, folder=tmp_path)
    assert done.stdout.startswith("celeba_smiling: ") and done.stdout.count("\n") == 1
    assert done.stderr.count("\n") == 39 and "'celeba_wearing_necktie'" in done.stderr
    listed = script("--list", folder=tmp_path).stdout
    assert "celeba_attributes: all of celeba_male to celeba_wearing_necktie (40)" in listed


def test_another_folder_may_be_given(tmp_path: Path, site: Site) -> None:
    other = tmp_path / "other"
    options = ("--mirror", site.address, "--folder", str(other))
    done = script("stylegan2_cat", *options, folder=tmp_path)
    assert (other / "stylegan2-cat-config-f.pkl").is_file()
    assert f"PIPELINE_WEIGHTS={other}" in done.stdout


def test_an_unknown_name_stops_all(tmp_path: Path, site: Site) -> None:
    names = ("stylegan2_cat", "stylegan2_catt")
    done = script(*names, "--mirror", site.address, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Did you mean weights=stylegan2_cat?" in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_nothing_asked_for_is_a_mistake(tmp_path: Path) -> None:
    done = script(folder=tmp_path)
    assert done.returncode == 2
    assert "give a NAME, --all-evaluators or --list" in done.stderr
