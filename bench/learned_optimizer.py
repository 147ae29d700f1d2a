"""Whether a learned optimizer ends below hand-made ones on quadratics, beyond its horizon too.

    python bench/learned_optimizer.py [--meta-steps 700] [--seed 0]

Trains the preset `lstm-optimizer-quadratics-short` for so many meta-steps on one thread, tunes SGD,
momentum, RMSprop and Adam on problems of the training split, and tries all on the same 600 test
problems from the same starts. Prints the mean loss with its 95 % t interval over the problems after
the horizon of 100 steps and after 200, the paired differences, and on how many problems the learned
one is better.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np
from scipy.special import stdtrit

from worker.metalearning import specs
from worker.metalearning.training import train

PRESET = "lstm-optimizer-quadratics-short"
STEPS = (100, 200)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--meta-steps", type=int, default=700)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    preset = next(p for p in specs.presets("lstm_optimizer") if p["name"] == PRESET)["spec"]
    preset["outer"]["steps"] = options.meta_steps
    preset["seed"] = options.seed
    spec, began = specs.parse(preset), time.process_time()
    found = {}
    for report in train(spec, device="cpu", omniglot_dir=None, cache_dir=None):
        if report.message:
            print(report.message, file=sys.stderr)
        if report.evaluation and report.evaluation.name != "validation":
            found[report.evaluation.name] = report.evaluation.losses
    learned = found.pop("test")
    seconds = time.process_time() - began
    print(f"{options.meta_steps} meta-steps, {len(learned)} problems, {seconds:.0f} s of processor")
    for step in STEPS:
        mine = learned[:, step]
        print(f"after {step}: learned {interval(mine)}, median {np.median(mine):.2g}")
        for name, losses in found.items():
            less = mine - losses[:, step]
            print(
                f"  {name} {interval(losses[:, step])}, median {np.median(losses[:, step]):.2g};"
                f" learned less it {interval(less)}, better on {(less < 0).sum()}"
            )


def interval(values: np.ndarray) -> str:
    """Mean and half width of the 95 % t interval."""
    half = stdtrit(len(values) - 1, 0.975) * values.std(ddof=1) / len(values) ** 0.5
    return f"{values.mean():.3f} ± {half:.3f}"


if __name__ == "__main__":
    main()
