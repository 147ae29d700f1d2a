"""What optimizers are tried on: functions to minimise, with where they begin (no torch)."""

from __future__ import annotations

from typing import Annotated

import msgspec

from worker.metalearning.specs.parts import shown


# fmt: off
class Quadratics(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
                 tag_field="source", tag="quadratics"):
    """f(x) = |W x - y|^2, Andrychowicz et al. 2016 section 3.1."""

    dimensions: Annotated[
        int, shown("Dimensions", "Numbers to optimize, and rows of W.", unit="numbers",
                   group="Episodes", ge=1, le=200)
    ] = 10
    initial_sd: Annotated[
        float, shown("Spread of the start", "Standard deviation of the normal distribution that "
                     "every number's start is drawn from.", group="Episodes", ge=0, le=100)
    ] = 0.01


BatchSize = Annotated[
    int, shown("Minibatch", "Digits whose mean loss an optimizer's step sees.", unit="digits",
               group="Episodes", ge=1, le=1024)
]


class DigitsMlp(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
                tag_field="source", tag="digits_mlp"):
    """A network of one hidden layer of sigmoids that learns to read digits (the same, 3.2)."""

    hidden: Annotated[
        int, shown("Hidden units", "Units of the hidden layer.", unit="units", group="Episodes",
                   ge=1, le=512)
    ] = 20
    batch: BatchSize = 128
    initial_sd: Annotated[
        float, shown("Spread of the start", "Standard deviation of the normal distribution that "
                     "every weight and bias is drawn from.", group="Episodes", gt=0, le=10)
    ] = 0.01


class DigitsConv(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
                 tag_field="source", tag="digits_conv"):
    """Two strided convolutions with rectifiers and a linear layer that learn to read digits."""

    filters: Annotated[
        int, shown("Filters", "Channels of the first convolution; the second has twice as many.",
                   unit="channels", group="Episodes", ge=1, le=64)
    ] = 8
    batch: BatchSize = 128
# fmt: on


Problems = Quadratics | DigitsMlp | DigitsConv
