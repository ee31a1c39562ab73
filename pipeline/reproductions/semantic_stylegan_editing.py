"""SemanticStyleGAN (Shi et al. 2022): global editing methods on it, and edits by its own codes."""

from collections.abc import Sequence
from itertools import product

from pipeline.report.jobs import Job
from pipeline.report.tables import Table
from pipeline.reproductions.base import Claim, Figure, Reported, Reproduction
from pipeline.reproductions.comparing import claim
from pipeline.reproductions.semantic_stylegan_matching import (
    APART,
    MATCHED,
    at_most,
    cells_of,
    generators,
    grid,
    matched,
    numbers,
    pictures,
    ratios,
)

THIRD = 1 / 3


class Locality(Reproduction):
    """Edits of parts, kept to the codes of their class where a generator has such codes."""

    name = "semantic_stylegan/locality"
    title = "SemanticStyleGAN: edits by the codes of a part, against StyleGAN2"
    targets: Sequence[str] = ("open_mouth", "close_eyes", "long_hair", "grey_hair")
    methods: Sequence[str] = ("hyperplane_class", "resefa")
    by_codes: Sequence[str] = ("hyperplane_class",)
    about: Sequence[str] = (
        "hyperplane_class is one method on both: the normal of the attribute's hyperplane in w. "
        "SemanticStyleGAN takes the step in the codes of the classes that the attribute belongs to "
        "alone; StyleGAN2 has no such codes and takes it in all layers. ReSeFa finds directions of "
        "the region in w on both, and moves all codes of both.",
        "Outside is what lies outside of the target's region: a box for mouth and eyes, the hair "
        "that was there for hair. So hair that grows counts as outside, on both.",
        MATCHED,
        APART,
    )

    def tables(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Table]:
        """Ratios at equal changes; then every job at its greatest strength."""
        targets, methods = grid(jobs, self.targets, self.methods)
        return [
            ratios(self.title, jobs, targets, methods),
            numbers(f"{self.title}: every job", jobs, targets, methods),
        ]

    def claims(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Claim]:
        """A third by codes; and less by any method."""
        return [
            self.compared(
                "editing mouth, eyes and hair by their codes changes the outside at most a third "
                "as much as the same method does on StyleGAN2",
                jobs,
                self.by_codes,
                THIRD,
            ),
            self.compared(
                "ReSeFa's directions of the region, in all codes, change the outside less on "
                "SemanticStyleGAN than on StyleGAN2. The paper does not say so; it stands here as "
                "a measure",
                jobs,
                [m for m in self.methods if m not in self.by_codes],
                1.0,
            ),
        ]

    def compared(
        self, text: str, jobs: Sequence[Job], methods: Sequence[str], bound: float
    ) -> Claim:
        """A claim that the ratio is at most so much for every target and some methods."""
        cells, pair = cells_of(jobs), generators(jobs)
        compared = [
            at_most(matched(cells, target, method, pair), f"{target}, {method}", bound)
            for target, method in product(self.targets, methods)
        ]
        by = (
            "ratio of the errors outside at equal changes of the attribute, SemanticStyleGAN over "
            f"StyleGAN2, which is to be at most {bound:.2f}; in brackets 95 % intervals"
        )
        return claim(text, compared, by)

    def figures(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Figure]:
        """Maps of differences of both generators, and the edits, a group for each target."""
        return list(pictures(jobs, *grid(jobs, self.targets, self.methods)))


class Editing(Locality):
    """InterFaceGAN and StyleFlow as they are, on both generators (Sec. 4.3)."""

    name = "semantic_stylegan/editing"
    title = "SemanticStyleGAN: smile, bald, bangs and beard by InterFaceGAN and StyleFlow"
    targets = ("smile", "bald", "with_bangs", "with_beard")
    methods = ("interfacegan", "styleflow")
    about = (
        "Both methods edit w as they were made to, without knowing of classes, and learn from the "
        "same number of labelled samples of each generator. The paper shows difference maps of "
        "edits without numbers.",
        "Outside is what lies outside of where the attribute shows: a box for the mouth; hair and "
        "skin for bald, hair, skin and brows for bangs, beard, mouth and skin for beards, as the "
        "parser finds them in the unedited image.",
        MATCHED,
        APART,
    )

    def claims(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Claim]:
        """Irrelevant parts change less."""
        text = (
            "edits by InterFaceGAN and StyleFlow change what they have no business in less on "
            "SemanticStyleGAN than on StyleGAN2"
        )
        return [self.compared(text, jobs, self.methods, 1.0)]
