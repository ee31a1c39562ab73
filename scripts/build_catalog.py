"""Semantic catalog of a generator (Editing in Style, Collins et al. 2020): clusters to name.

Clusters the features of one or several layers, with one or several K, side by side; names clusters
by the domain's parser where there is one; writes ``catalog.safetensors``, ``catalog.html`` (the
clusters over images, scores) and ``catalog_labels.yaml`` (label: [clusters], for a person to edit).

Command: python scripts/build_catalog.py --generator stylegan2_procfaces --out outputs/catalog
         python scripts/build_catalog.py --generator stylegan_ffhq --layers b32.conv0 --clusters 20
Then:    python run.py method=editing_in_style method.catalog=outputs/catalog/catalog.safetensors
         (and method.labels=outputs/catalog/catalog_labels.yaml once that has been edited)
"""

import argparse
import resource
import shlex
import sys
from pathlib import Path

import torch
from hydra import compose, initialize_config_dir

from pipeline.catalog_sheets import write_catalog
from pipeline.config import register
from pipeline.domains.base import Domain
from pipeline.errors import UserError
from pipeline.experiment import make
from pipeline.generators.base import Generator
from pipeline.methods.catalog.building import Built, Plan, build
from pipeline.preflight import CONF
from pipeline.report.page import Record


def parts(name: str, overrides: list[str]) -> tuple[Generator, Domain]:
    """The generator of a configuration and the domain that goes with it."""
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", [f"generator={name}", *overrides])
    domain: Domain = make(config.dataset)
    settings = {str(k): v for k, v in config.generator.items()}
    makes = settings.pop("domain", None)
    generator: Generator = make(settings)
    return generator, domain.suited(generator, makes)


def told(built: Built) -> str:
    """What was compared, a line each."""
    lines = []
    for number, catalog in enumerate(built.catalogs):
        mark = "*" if number == built.best else " "
        ious = [f"{name} {score.iou:.2f}" for name, score in catalog.scores.items()]
        mean = catalog.notes.get("mean_iou")
        scored = "" if mean is None else f"  mean IoU {mean:.3f} ({', '.join(ious)})"
        about = f"{catalog.layer} K = {catalog.count}  similarity {catalog.similarity:.3f}"
        lines.append(f"{mark} {about}{scored}")
    return "\n".join(lines)


def main() -> None:
    """Build, say what was compared, and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--generator", default="stylegan2_procfaces", help="as in conf/generator")
    parser.add_argument("--layers", nargs="+", help="default: all of 16, 32 and 64 pixels")
    parser.add_argument("--clusters", nargs="+", type=int, default=[8, 12, 16, 20], help="K")
    parser.add_argument("--parts", nargs="+", help="parts that decide; default: those of a face")
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--vectors", type=int, default=20_000, help="kept of all samples")
    parser.add_argument("--restarts", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("outputs/catalog"))
    parser.add_argument(
        "overrides", nargs="*", help="of the configuration, e.g. generator.path=FILE"
    )
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    try:
        generator, domain = parts(given.generator, given.overrides)
        plan = Plan(
            tuple(given.layers) if given.layers else None,
            tuple(given.clusters),
            given.samples,
            given.vectors,
            given.restarts,
            tuple(given.parts) if given.parts else None,
        )
        built = build(generator, plan, given.seed, domain)
        command = shlex.join(["python", *sys.argv])
        write_catalog(built.catalog, generator, Record(command), given.out)
    except UserError as error:
        sys.exit(str(error))
    print(told(built))
    print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")
    print(f"catalog: {given.out / 'catalog.safetensors'}, page: {given.out / 'catalog.html'}")


if __name__ == "__main__":
    main()
