"""Episodes of pictures other than Omniglot's (no torch)."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from worker.metalearning.specs.parts import shown


# fmt: off
class GlyphEpisodes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
                    tag_field="source", tag="glyphs"):
    """Few-shot classification of characters that the program draws itself: no download."""

    way: Annotated[
        int, shown("Way (N)", "Classes per episode.", unit="classes", group="Episodes",
                   ge=2, le=50)
    ] = 5
    shot: Annotated[
        int, shown("Shot (K)", "Support drawings per class.", unit="drawings",
                   group="Episodes", ge=1, le=19)
    ] = 1
    query: Annotated[
        int, shown("Query drawings", "Query drawings per class in training.", unit="drawings",
                   group="Episodes", ge=1, le=19)
    ] = 1
    glyph_seed: Annotated[
        int, shown("Glyph seed", "Which characters there are: another seed, other characters.",
                   group="Episodes", ge=0, le=2**31 - 1)
    ] = 1
    train_classes: Annotated[
        int, shown("Training characters", "Characters of meta-training.", unit="characters",
                   group="Episodes", ge=2, le=20_000)
    ] = 1000
    validation_classes: Annotated[
        int, shown("Validation characters", "Characters of validation episodes, for model "
                   "selection.", unit="characters", group="Episodes", ge=0, le=5_000)
    ] = 100
    test_classes: Annotated[
        int, shown("Test characters", "Characters of test episodes.", unit="characters",
                   group="Episodes", ge=2, le=5_000)
    ] = 400


class ImageEpisodes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
                    tag_field="source", tag="images"):
    """Few-shot classification of pictures of your own, where the worker runs."""

    dataset: Annotated[
        str,
        Meta(title="Dataset", description="Name of a folder in the worker's folder of datasets: "
             "train, val and test with a folder per class, or images with train.csv, val.csv and "
             "test.csv (docs/classification.md).",
             pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", min_length=1, max_length=100,
             extra_json_schema={"x-group": "Episodes"}),
    ] = "mini-imagenet"
    way: Annotated[
        int, shown("Way (N)", "Classes per episode.", unit="classes", group="Episodes",
                   ge=2, le=50)
    ] = 5
    shot: Annotated[
        int, shown("Shot (K)", "Support pictures per class.", unit="pictures",
                   group="Episodes", ge=1, le=100)
    ] = 1
    query: Annotated[
        int, shown("Query pictures", "Query pictures per class in training.", unit="pictures",
                   group="Episodes", ge=1, le=100)
    ] = 15
    side: Annotated[
        int, shown("Picture size", "Width and height that every picture is brought to.",
                   unit="pixels", group="Episodes", ge=16, le=224)
    ] = 84
    colour: Annotated[
        bool, shown("Colour", "Red, green and blue; otherwise grey.", group="Episodes")
    ] = True
# fmt: on
