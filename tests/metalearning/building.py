"""Episodes, networks and specs for the tests of the engine: plain functions, visible defaults."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from worker.metalearning.episodes import EpisodeBatch
from worker.metalearning.networks import Parameters
from worker.metalearning.training import Report


def regression_batch(episodes: int = 3, shot: int = 4, query: int = 5) -> EpisodeBatch:
    """Noise to fit: what matters here is the derivative."""
    numbers = torch.Generator().manual_seed(7)

    def noise(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=numbers, dtype=torch.float64)

    return EpisodeBatch(
        noise(episodes, shot, 1), noise(episodes, shot, 1), noise(episodes, query, 1),
        noise(episodes, query, 1), noise(episodes, 2),
    )  # fmt: skip


def image_batch(episodes: int = 3, way: int = 3, shot: int = 2, side: int = 9) -> EpisodeBatch:
    """Random images with labels; an odd side, so that strides leave a remainder."""
    numbers = torch.Generator().manual_seed(8)
    labels = torch.arange(way).repeat_interleave(shot).expand(episodes, -1)

    def images() -> Tensor:
        shape = (episodes, way * shot, 1, side, side)
        return torch.rand(shape, generator=numbers, dtype=torch.float64)

    return EpisodeBatch(images(), labels, images(), labels, torch.empty(episodes, 0))


class OwnNetwork(nn.Module):
    """A user's module the engine knows nothing of: embedding by sine, layer norm, a product."""

    def __init__(self) -> None:
        super().__init__()
        self.frequencies = nn.Parameter(torch.linspace(0.2, 2.0, 12))
        self.norm = nn.LayerNorm(12)
        self.gate = nn.Linear(12, 12)
        self.out = nn.Linear(12, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.norm(torch.sin(x * self.frequencies))
        result: Tensor = self.out(hidden * torch.sigmoid(self.gate(hidden)))
        return result


def double_parameters(network: nn.Module) -> Parameters:
    """The network's parameters in float64, moved a little so that none is zero or one."""
    numbers = torch.Generator().manual_seed(9)
    network.double()
    return {
        name: param.detach() + 0.1 * torch.randn(param.shape, generator=numbers).double()
        for name, param in network.named_parameters()
    }


def one_loss(network: nn.Module, params: Parameters, x: Tensor, y: Tensor) -> Tensor:
    """The loss of one set, by the network's own forward and torch's own losses."""
    outputs = torch.func.functional_call(network, params, (x,))
    return F.mse_loss(outputs, y) if y.is_floating_point() else F.cross_entropy(outputs, y)


def drop_system(reports: list[Report]) -> list[dict[str, float]]:
    """The metrics that must repeat bit for bit."""
    return [
        {name: value for name, value in r.metrics.items() if not name.startswith("system/")}
        for r in reports
    ]


def short_spec(algorithm: str = "maml", **changes: Any) -> dict[str, Any]:
    """A sinusoid run of a second or two."""
    spec: dict[str, Any] = {
        "algorithm": algorithm,
        "episodes": {"source": "sinusoid", "shot": 5, "query": 5},
        "network": {"kind": "mlp", "hidden": [16]},
        "evaluation": {"episodes": 10, "steps": 2, "every": 4, "episodes_during_training": 5},
        "log_every": 1,
    }
    if algorithm != "random_init":
        spec["outer"] = {"steps": 12, "episodes_per_step": 4, "lr": 0.01}
    return {**spec, **changes}


def write_archives(folder: Path, characters: int = 12, drawings: int = 4) -> Path:
    """Tiny archives in the official layout: each character a bar at its own angle."""
    for position, name in enumerate(("images_background", "images_evaluation")):
        with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
            for index in range(characters):
                for drawing in range(drawings):
                    number = position * characters + index
                    path = f"{name}/Alphabet{position}/character{index:02d}/{number}_{drawing}.png"
                    archive.writestr(path, _bar(number, drawing))
    return folder


def _bar(number: int, drawing: int) -> bytes:
    pixels = np.full((105, 105), 255, dtype=np.uint8)
    pixels[4 * number % 90 : 4 * number % 90 + 9, 10 + drawing : 40 + 2 * number] = 0
    stream = io.BytesIO()
    Image.fromarray(pixels).convert("1").save(stream, "PNG")
    return stream.getvalue()
