"""Figures as scripts unpack them: columns as lists, moments as text."""

import base64
import json
from typing import Any

import numpy as np
from django.http import HttpResponse


def figure_answer(answer: HttpResponse) -> dict[str, Any]:
    """What a chart's address answered, with the columns of its figure unpacked."""
    body: dict[str, Any] = json.loads(answer.content)
    if body.get("figure"):
        unpack(body["figure"])
    return body


def unpack(figure: dict[str, Any]) -> None:
    """Puts lists in place of packed columns, None for what is not a number."""
    is_moment = figure["layout"].get("xaxis", {}).get("type") == "date"
    for trace in figure["data"]:
        for name in ("x", "y"):
            if isinstance(trace.get(name), dict):
                trace[name] = _column(figure, name, trace[name])
    for trace in figure["data"]:
        if is_moment and all(isinstance(place, float) for place in trace["x"]):
            moments = np.asarray(trace["x"]).astype("datetime64[ms]")
            trace["x"] = moments.astype(str).tolist()


def _column(figure: dict[str, Any], name: str, packed: dict[str, Any]) -> list[Any]:
    if "same" in packed:
        return list(figure["data"][packed["same"]][name])
    column = np.frombuffer(base64.b64decode(packed["bdata"]), "<" + packed["dtype"]).tolist()
    return [None if value != value else value for value in column]
