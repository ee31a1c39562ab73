"""Every mistake on a command line is one line that names it, before any work."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.preflight import preflight, wants_help

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["method=resefa", "region=mouth"],
        ["strength=2"],
        ["strength=[-1,1]", "samples=8", "seed=5"],
        ["-m", "region=mouth,eyes", "strength=1,2"],
        ["method.space=w+", "method.layers=[2,6]"],
        ["region=box", "region.centre=[0.7,0.5]", "region.size=[0.2,0.2]"],
        ["hydra.run.dir=/tmp/x"],
        ["logger=none", "attribute=mouth_open"],
    ],
)
def test_a_right_command_line_passes(arguments: list[str]) -> None:
    preflight(arguments)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["method=resefaa"], ["method", "resefaa", "method=resefa"]),
        (["region=mouht"], ["region", "mouht", "region=mouth", "eyes", "nose", "hair"]),
        (["generator=stylegan2_procface"], ["generator=stylegan2_procfaces"]),
        (["samples=0"], ["samples=0"]),
        (["samples=-3"], ["samples=-3"]),
        (["samples=many"], ["samples", "many"]),
        (["samples=2.5"], ["samples", "2.5"]),
        (["seed=x"], ["seed", "x"]),
        (["strength=[]"], ["strength", "empty"]),
        (["strength=[1,big]"], ["strength", "big"]),
        (["regoin=mouth"], ["regoin", "region"]),
        (["method.spce=w"], ["method.spce", "method.space"]),
        (["+colour=red"], ["colour"]),
        (["unit=metres"], ["unit", "metres", "latent"]),
        (["region=mouth,eyes"], ["region=mouth,eyes", "-m"]),
        (["-m", "region=mouth,eys"], ["eys", "region=eyes"]),
        (["-m", "samples=8,0"], ["samples=0"]),
        (["sam ples=3"], ["sam ples=3"]),
        (["codes=inversoin"], ["codes=inversion", "sampled"]),
        (["codes=inversion"], ["codes=inversion", "codes.images"]),
        (["codes=inversion", "codes.images=no/where"], ["codes.images=no/where"]),
        (["codes.images=."], ["codes.images", "codes=inversion"]),
        (["codes=inversion", "codes.images=.", "codes.stesp=3"], ["codes.stesp", "codes.steps"]),
    ],
)
def test_a_mistake_is_one_line(arguments: list[str], named: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        preflight(arguments)
    message = str(caught.value)
    assert "\n" not in message
    for word in named:
        assert word in message


def test_the_program_ends_with_the_line_and_no_traceback() -> None:
    done = subprocess.run(
        [sys.executable, "run.py", "region=mouht"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: Unknown region 'mouht'. Did you mean region=mouth?")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("flag", ["--cfg=job", "--hydra-help", "--version"])
def test_help_is_not_checked(flag: str) -> None:
    assert wants_help(["method=nonsense", flag])


def test_a_run_is_no_help() -> None:
    assert not wants_help(["-m", "method=resefa"])
