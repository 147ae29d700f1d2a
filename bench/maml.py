"""MAML's meta-step: ours against learn2learn, higher, TorchOpt, torch.func and plain autograd.

    .venv/bin/python bench/maml.py [--repeats 5] [--only NAME ...]

Same network, same episodes, one thread, in turns: every turn runs each library for about as long,
and its CPU time counts, not the wall's. Before anything is timed, all meta-gradients must agree to
1e-4 in float64, where the kinks of rectifiers do not tell correct programs apart. The workloads are
those of the design's table; ours is `build_meta_step`, which knows nothing of the networks.
"""

import argparse
import copy
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import peers

if TYPE_CHECKING:
    import torch

HERE = "METASCOPE_BENCH_MAML"  # set in the process that measures
BLOCK_S = 0.25  # what each library runs for in a turn, at least once


@dataclass(frozen=True)
class Workload:
    name: str
    way: int  # 0: sinusoid
    query: int  # drawings a class
    episodes: int
    steps: int
    first_order: bool = False


WORKLOADS = (
    Workload("sinusoid, 25 episodes, 1 step", 0, 10, 25, 1),
    Workload("5-way 1-shot, 32 episodes, 1 step", 5, 1, 32, 1),
    Workload("the same, first order", 5, 1, 32, 1, first_order=True),
    Workload("the same, 15 queries a class", 5, 15, 32, 1),
    Workload("20-way 1-shot, 16 episodes, 5 steps", 20, 1, 16, 5),
)


def measure(workload: Workload, repeats: int, sources: Path) -> None:
    """Prints milliseconds of a meta-step by each library, and how often ours fits into them."""
    import maml_peers
    import torch
    from torch.nn import functional as F

    from worker.metalearning import build_meta_step

    torch.manual_seed(0)
    network = _convolutional(workload.way) if workload.way else _connected()
    loss = F.cross_entropy if workload.way else F.mse_loss
    sets = _sets(workload)
    settings = (0.4 if workload.steps == 1 else 0.1) if workload.way else 0.01
    settings = (settings, workload.steps, workload.first_order)

    def steps_of(network: torch.nn.Module) -> dict[str, Callable]:
        maml_class = maml_peers.learn2learn_from(sources)
        ours = build_meta_step(network, loss, *settings)
        params = {name: p.detach() for name, p in network.named_parameters()}
        found = {
            "metascope": lambda sets: ours(params, sets)[0],
            "learn2learn": maml_peers.learn2learn(maml_class, network, loss, *settings),
            "higher": maml_peers.higher(network, loss, *settings),
            "TorchOpt": maml_peers.torchopt(network, loss, *settings),
            "plain autograd": maml_peers.plain_loop(network, loss, *settings),
            "vmap(grad)": maml_peers.vmap_of_grad(network, loss, *settings),
        }
        if workload.first_order:
            del found["TorchOpt"]  # its MetaSGD derives every step
        return found

    few = tuple(part[:2] for part in sets)
    _agree(steps_of(copy.deepcopy(network).double()), tuple(
        part.double() if part.is_floating_point() else part for part in few
    ))  # fmt: skip
    steps = steps_of(network)
    started = time.perf_counter()
    steps["metascope"](sets)
    first = time.perf_counter() - started
    times = {name: [] for name in steps}
    counts = {name: _count(step, sets) for name, step in steps.items()}
    for _ in range(repeats):
        for name, step in steps.items():
            start = time.thread_time()
            for _ in range(counts[name]):
                step(sets)
            times[name].append((time.thread_time() - start) / counts[name])
    print(f"\n{workload.name} (first call of ours: {first:.1f} s by the wall)")
    ours = statistics.median(times["metascope"])
    for name, found in times.items():
        middle = statistics.median(found)
        print(
            f"  {name:16} {middle * 1000:9.2f} ms  ({min(found) * 1000:.2f} to "
            f"{max(found) * 1000:.2f})  {middle / ours:5.1f} times ours", flush=True,
        )  # fmt: skip
    if flops := _flops(workload):
        rate = flops / ours / 1e9
        print(f"  ours: {rate:.0f} GFLOP/s, {100 * rate / _peak():.0f} % of the measured peak")


def _connected() -> "torch.nn.Module":
    """The sinusoid network of the MAML paper."""
    from torch import nn

    return nn.Sequential(
        nn.Linear(1, 40), nn.ReLU(), nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 1)
    )


def _convolutional(outputs: int) -> "torch.nn.Module":
    """Its Omniglot network: four strided convolutions of 64 filters, each with batch norm."""
    from torch import nn

    layers = []
    for channels in (1, 64, 64, 64):
        layers += [
            nn.Conv2d(channels, 64, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(64, track_running_stats=False), nn.ReLU(),
        ]  # fmt: skip
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, outputs))


def _sets(workload: Workload) -> tuple:
    import torch

    numbers = torch.Generator().manual_seed(1)
    if not workload.way:
        shape = (workload.episodes, 10, 1)
        return tuple(torch.randn(shape, generator=numbers) for _ in range(4))

    def drawings(each: int) -> tuple:
        shape = (workload.episodes, workload.way * each, 1, 28, 28)
        labels = torch.arange(workload.way).repeat_interleave(each)
        ink = torch.rand(shape, generator=numbers) < 0.1
        return ink.float(), labels.expand(workload.episodes, -1).contiguous()

    return *drawings(1), *drawings(workload.query)


def _agree(steps: dict[str, Callable], sets: tuple) -> None:
    """Raises when a library's meta-gradients are not those of plain autograd."""
    expected = steps["plain autograd"](sets)
    for name, step in steps.items():
        found = step(sets)
        for key, value in expected.items():
            error = float((found[key] - value).norm() / value.norm().clamp(min=1e-12))
            if error > 1e-4:
                raise SystemExit(f"{name}: {key} differs by {error:.1e} from plain autograd")


def _count(step: Callable, sets: tuple) -> int:
    """How often a library runs in a turn."""
    start = time.thread_time()
    step(sets)
    return max(1, int(BLOCK_S / (time.thread_time() - start)))


def _flops(workload: Workload) -> float:
    """Of the products in a meta-step: a gradient is three forward passes (two for the first layer),
    a Hessian-vector product twice a gradient. 0 for the sinusoid, which is not about flops."""
    if not workload.way:
        return 0.0
    layers = [
        2 * side * side * 9 * into * 64 for side, into in ((14, 1), (7, 64), (4, 64), (2, 64))
    ]
    gradient = 2 * layers[0] + 3 * sum(layers[1:])
    support, query = workload.way * gradient, workload.way * workload.query * gradient
    order = 1 if workload.first_order else 3
    return workload.episodes * (workload.steps * support * order + query)


def _peak() -> float:
    """GFLOP/s of one thread in a product of 1024 x 1024 matrices, the best of 20."""
    import torch

    a = torch.rand(1024, 1024)
    times = []
    for _ in range(20):
        start = time.thread_time()
        a @ a
        times.append(time.thread_time() - start)
    return 2 * 1024**3 / min(times) / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=[], help="part of a workload's name")
    options = parser.parse_args()
    if HERE not in os.environ:
        interpreter = peers.python("maml")
        environment = {
            **os.environ, HERE: "1", "PYTHONPATH": str(Path(__file__).resolve().parent.parent),
            "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
        }  # fmt: skip
        command = [str(interpreter), *sys.argv]
        raise SystemExit(subprocess.run(command, env=environment).returncode)
    import torch

    torch.set_num_threads(1)
    print(", ".join(peers.requirements()["maml"]), "learn2learn==0.2.0 (its maml.py)")
    print(f"load {os.getloadavg()[0]:.1f}, peak {_peak():.0f} GFLOP/s", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for workload in WORKLOADS:
            if not options.only or any(part in workload.name for part in options.only):
                measure(workload, options.repeats, Path(folder))


if __name__ == "__main__":
    main()
