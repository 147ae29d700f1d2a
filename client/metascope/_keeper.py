"""Keeps what a relay has passed on: lines in a spool of its own, of the run of another spool."""

from __future__ import annotations

import codecs
import time
from collections.abc import Iterator

from metascope._channel import Channel, open_channel
from metascope._console import Console
from metascope._records import event_payload
from metascope._settings import load
from metascope._sweep import sweep

STREAMS = {1: "stdout", 2: "stderr"}


def keep(folder: str, label: str, pieces: Iterator[tuple[int, bytes]]) -> None:
    """Until there are no more of these pieces, each with the descriptor it was written to. `label`:
    before each line."""
    settings = load()
    attach = {"type": "attach", "content": {"parent": folder}}
    channel = open_channel(settings, attach, beats=False)
    console = Console(lambda lines, stderr: _write(channel, lines, stderr), teed=(), label=label)
    decoders = {one: codecs.getincrementaldecoder("utf-8")("replace") for one in STREAMS}
    for descriptor, data in pieces:
        console.take(STREAMS[descriptor], decoders[descriptor].decode(data))
    console.close()
    if channel.close(settings.exit_wait_s):
        sweep(settings)


def _write(channel: Channel, lines: list[str], stderr: list[int]) -> None:
    content = {"lines": lines, **({"stderr": stderr} if stderr else {})}
    payload = event_payload({"type": "console", "time": time.time(), "content": content})
    channel.spool.append(payload)
    if channel.sender:
        channel.sender.wake()
