"""Run one experiment, or with -m a sweep of them: python run.py method=resefa region=mouth."""

import sys

import hydra
from omegaconf import DictConfig

from pipeline.config import register
from pipeline.preflight import main_or_exit

register()


@hydra.main(config_path="conf", config_name="config", version_base="1.3")
def main(config: DictConfig) -> None:
    """One job."""
    from pipeline.job import run  # torch is imported here, not for --help

    run(config)


if __name__ == "__main__":
    main_or_exit(sys.argv[1:])
    main()
