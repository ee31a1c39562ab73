"""Measure the reference statistics of the default configuration once, and ship them.

python scripts/ship_reference.py

A run whose data and feature extractor are these finds the file by the hash of its settings and
skips the measurement; after a change of either the name fits no more and a run measures anew.
"""

import sys


def main() -> int:
    """Write ``pipeline/assets/reference_<hash>.safetensors`` in place of older ones."""
    import torch

    from pipeline.domains.procfaces import ProcFaces
    from pipeline.evaluators.embedded import EmbeddedFeatures
    from pipeline.stages.inputs import SHIPPED, Reference

    torch.set_num_threads(1)
    stage = Reference(ProcFaces(), EmbeddedFeatures.load())
    with torch.inference_mode():
        statistics = stage.measure(lambda done, total: print(f"\r{done} of {total}", end=""))
    for old in SHIPPED.glob("reference_*.safetensors"):
        old.unlink()
    statistics.save(stage.shipped)
    print(f"\n{stage.shipped.name}: {statistics.n} images")
    return 0


if __name__ == "__main__":
    sys.exit(main())
