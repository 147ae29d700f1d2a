"""Train from a spec file and print the reports, one JSON object a line.

`python -m worker.metalearning spec.json [--omniglot DIR] [--datasets DIR] [--out DIR]
[--threads N] [--resume FILE]`
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from worker.metalearning.checkpoint import Checkpoint
from worker.metalearning.errors import MetaLearningError
from worker.metalearning.evaluation import EvaluationResult
from worker.metalearning.specs import parse
from worker.metalearning.training import Report, train


def main(arguments: list[str]) -> int:
    """Run one spec; 1 with the reason on standard error when it cannot be."""
    options = _options(arguments)
    try:
        spec = parse(json.loads(options.spec.read_text()))
        resume = Checkpoint.load(options.resume) if options.resume else None
        cache = options.out or options.omniglot
        for report in train(
            spec, device="cpu", omniglot_dir=options.omniglot, cache_dir=cache,
            datasets_dir=options.datasets, threads=options.threads, resume=resume,
        ):  # fmt: skip
            print(json.dumps(_plain(report, options.out)), flush=True)
    except (MetaLearningError, OSError, json.JSONDecodeError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m worker.metalearning", description=__doc__)
    parser.add_argument("spec", type=Path)
    parser.add_argument("--omniglot", type=Path, help="folder of the two Omniglot archives")
    parser.add_argument("--datasets", type=Path, help="folder of datasets of pictures")
    parser.add_argument("--out", type=Path, help="folder for checkpoints and evaluations")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--resume", type=Path, help="checkpoint to go on from")
    return parser.parse_args(arguments)


def _plain(report: Report, out: Path | None) -> dict[str, Any]:
    """The report as JSON values (NaN as null); its checkpoint goes into a file."""
    plain: dict[str, Any] = {"step": report.step, "metrics": _without_nan(report.metrics)}
    if report.message:
        plain["message"] = report.message
    if report.evaluation:
        plain["evaluation"] = _summary(report.evaluation)
    if report.checkpoint and out:
        path = out / f"checkpoint-{report.step}.pt"
        report.checkpoint.save(path)
        plain["checkpoint"] = str(path)
    return plain


def _without_nan(metrics: dict[str, float]) -> dict[str, float | None]:
    return {name: value if abs(value) < float("inf") else None for name, value in metrics.items()}


def _summary(result: EvaluationResult) -> dict[str, Any]:
    """Means and 95 % intervals over the episodes, after each inner step."""
    steps = range(result.losses.shape[1])
    plain: dict[str, Any] = {"name": result.name, "protocol": result.protocol}
    plain["losses"] = [result.interval(step) for step in steps]
    if result.accuracies is not None:
        plain["accuracies"] = [result.interval(step, of="accuracies") for step in steps]
    return plain


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
