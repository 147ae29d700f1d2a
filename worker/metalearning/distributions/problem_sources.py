"""What the problems for optimizers are, for a browser (no torch)."""

from __future__ import annotations

from typing import Any

from worker.metalearning.distributions.problem_hashes import problem_hash
from worker.metalearning.specs.problems import DigitsConv, DigitsMlp, Problems, Quadratics


def problem_sources() -> list[dict[str, Any]]:
    """One entry per source, with the hash its default settings have; there is nothing to show."""
    return [
        _entry(
            "quadratics",
            "Quadratics",
            "Minimise |W x - y|^2 over x, with W and y of normal numbers, from near 0. "
            "Andrychowicz et al. 2016, section 3.1.",
            Quadratics(),
        ),
        _entry(
            "digits_mlp",
            "Digits, MLP",
            "Train a small network of sigmoids, from another start each time, on the 1,797 digits "
            "of 8x8 that scikit-learn brings along. After Andrychowicz et al. 2016, section 3.2.",
            DigitsMlp(),
        ),
        _entry(
            "digits_conv",
            "Digits, conv",
            "Train two strided convolutions and a linear layer on the same digits.",
            DigitsConv(),
        ),
    ]


def _entry(name: str, title: str, summary: str, spec: Problems) -> dict[str, Any]:
    return {
        "name": name,
        "title": title,
        "summary": summary,
        "available": True,
        "missing": None,
        "hash": problem_hash(spec, query=0),
        "samples": None,
    }
