"""Update rules: how a gradient becomes a step, learned or made by hand (no torch)."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from worker.metalearning.specs.parts import shown


# fmt: off
class CoordinateLstm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
                     tag_field="kind", tag="coordinate_lstm"):
    """One small LSTM for every number to optimize, with weights in common."""

    hidden: Annotated[
        int, shown("Hidden units", "Units of each LSTM layer.", unit="units", group="Network",
                   ge=1, le=256)
    ] = 20
    layers: Annotated[
        int, shown("Layers", "LSTM layers, one above the other.", unit="layers", group="Network",
                   ge=1, le=4)
    ] = 2
    preprocessing: Annotated[
        Literal["log_and_sign", "none"],
        shown("Gradient preprocessing", "log_and_sign gives the LSTM the gradient's size on "
              "logarithms and its sign apart; none gives it the gradient.", group="Network"),
    ] = "log_and_sign"
    p: Annotated[
        float, shown("p of the preprocessing", "Gradients below e^-p count as small.",
                     group="Network", gt=0, le=50)
    ] = 10.0
    output_scale: Annotated[
        float, shown("Output scale", "What the LSTM says is multiplied with this to be a step.",
                     group="Network", gt=0, le=100)
    ] = 0.1


class Sgd(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
          tag_field="kind", tag="sgd"):
    """The gradient times the rate."""


class Momentum(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
               tag_field="kind", tag="momentum"):
    """A velocity that gradients are added to."""

    momentum: Annotated[
        float, shown("Momentum", "What a step keeps of the velocity.", group="Network",
                     ge=0, le=0.9999)
    ] = 0.9


class RmsProp(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
              tag_field="kind", tag="rmsprop"):
    """The gradient over the root of its mean square."""

    decay: Annotated[
        float, shown("Decay", "What a step keeps of the mean square.", group="Network",
                     ge=0, le=0.9999)
    ] = 0.99


class Adam(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
           tag_field="kind", tag="adam"):
    """Momentum and mean square, both without their bias at the start."""

    beta1: Annotated[
        float, shown("Beta 1", "What a step keeps of the mean gradient.", group="Network",
                     ge=0, le=0.9999)
    ] = 0.9
    beta2: Annotated[
        float, shown("Beta 2", "What a step keeps of the mean square.", group="Network",
                     ge=0, le=0.999999)
    ] = 0.999
# fmt: on


HandMade = Sgd | Momentum | RmsProp | Adam
UpdateRule = CoordinateLstm | HandMade
