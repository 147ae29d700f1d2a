"""Content hashes of the problems for optimizers (no torch)."""

from __future__ import annotations

from worker.metalearning.distributions.digits import digits_hash
from worker.metalearning.distributions.identity import content_hash
from worker.metalearning.specs.problems import DigitsMlp, Problems, Quadratics


def problem_hash(spec: Problems, *, query: int) -> str:
    """Of all that decides a problem and its loss; how many steps are made of it does not."""
    if isinstance(spec, Quadratics):
        return content_hash(
            {"source": "quadratics", "function": "sum((W x - y)^2)",
             "dimensions": spec.dimensions, "initial_sd": spec.initial_sd}
        )  # fmt: skip
    data = {"digits": digits_hash(), "batch": spec.batch, "query": query}
    if isinstance(spec, DigitsMlp):
        return content_hash(
            {"source": "digits_mlp", "hidden": spec.hidden, "initial_sd": spec.initial_sd, **data}
        )
    return content_hash({"source": "digits_conv", "filters": spec.filters, **data})
