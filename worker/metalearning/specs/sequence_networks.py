"""Networks that read sequences of examples (no torch)."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from worker.metalearning.specs.parts import shown


class SequenceNetwork(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
                      tag_field="kind"):  # fmt: skip
    """How examples come in; numbers that are no picture come in as they are."""

    pictures: Annotated[
        Literal["convolutions", "pixels"],
        shown("Pictures", "convolutions: four strided 3x3 convolutions, each normalised within "
              "its picture, and 64 numbers of it; pixels: 20x20 grey values, as Santoro et al.",
              group="Network"),
    ] = "convolutions"  # fmt: skip
    filters: Annotated[
        int, shown("Filters", "Channels of every convolution of pictures.", unit="channels",
                   group="Network", ge=1, le=512)
    ] = 64  # fmt: skip


class LstmNetwork(SequenceNetwork, frozen=True, kw_only=True, tag="lstm"):
    """One LSTM and a linear layer."""

    hidden: Annotated[
        int, shown("Units", "Units of the LSTM.", unit="units", group="Network", ge=1, le=4096)
    ] = 128  # fmt: skip


class MannNetwork(SequenceNetwork, frozen=True, kw_only=True, tag="mann"):
    """An LSTM controller and its memory; its sizes are those of Santoro et al. 2016."""

    hidden: Annotated[
        int, shown("Units", "Units of the controller, an LSTM.", unit="units", group="Network",
                   ge=1, le=4096)
    ] = 200  # fmt: skip
    rows: Annotated[
        int, shown("Memory rows", "Rows of the memory.", unit="rows", group="Network",
                   ge=1, le=4096)
    ] = 128  # fmt: skip
    width: Annotated[
        int, shown("Row width", "Numbers in a row.", unit="numbers", group="Network",
                   ge=1, le=1024)
    ] = 40  # fmt: skip
    reads: Annotated[
        int, shown("Reading heads", "Rows read, and written, at a time.", unit="heads",
                   group="Network", ge=1, le=64)
    ] = 4  # fmt: skip
    usage_decay: Annotated[
        float, shown("Usage decay", "What is left of a row's usage after a step (gamma).",
                     group="Network", ge=0, le=1)
    ] = 0.99  # fmt: skip


class SnailNetwork(SequenceNetwork, frozen=True, kw_only=True, tag="snail"):
    """Attention, convolutions, attention, convolutions, attention."""

    width: Annotated[
        int, shown("Filters of a dense block", "Channels that each temporal convolution adds; keys "
                   "of the three attention blocks are 1/2, 2 and 4 times as wide, values half of "
                   "these.", unit="channels", group="Network", ge=4, le=512)
    ] = 128  # fmt: skip


class GruNetwork(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
                 tag_field="kind", tag="gru"):  # fmt: skip
    """One GRU, and linear layers for the policy and its baseline."""

    hidden: Annotated[
        int, shown("Units", "Units of the GRU; 256 in Duan et al.", unit="units",
                   group="Network", ge=1, le=4096)
    ] = 256  # fmt: skip


class NoNetwork(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
                tag_field="kind", tag="none"):  # fmt: skip
    """Nothing is learned."""
