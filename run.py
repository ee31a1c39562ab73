"""Run one experiment, or with -m a sweep of them: python run.py method=resefa region=mouth."""

import sys

import hydra
from omegaconf import DictConfig

from pipeline.config import register
from pipeline.entry import answered, check, job, sweep_first, told_plainly, validated
from pipeline.sweeps import summing_up

register()


@hydra.main(config_path="conf", config_name="config", version_base="1.3")
def main(config: DictConfig) -> float | None:
    """One job; gives the value of its objective, which a search over parameters goes by."""
    with job():
        from pipeline.job import run  # torch is imported here, not for a wrong override

        return run(config)


if __name__ == "__main__":
    with told_plainly():
        if answered(sys.argv[1:]):
            sys.exit()
        if (status := validated(sys.argv[1:])) is not None:
            sys.exit(status)
        sys.argv[1:] = sweep_first(sys.argv[1:])
        check(sys.argv[1:])
        with summing_up():
            main()
