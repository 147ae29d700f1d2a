"""Networks the engine was never written for: what a user brings, as PyTorch tutorials write it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class SequenceClassifier(nn.Module):
    """A bidirectional LSTM of two layers over the rows of a set, then the last state."""

    def __init__(self, inputs: int = 3, hidden: int = 4, outputs: int = 3) -> None:
        super().__init__()
        self.lstm = nn.LSTM(inputs, hidden, num_layers=2, bidirectional=True, batch_first=True)
        self.head = nn.Linear(2 * hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.lstm(x)[0][:, -1])
        return out


class GatedClassifier(nn.Module):
    """The same by a GRU."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(3, 4, batch_first=True)
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.gru(x)[1][0])
        return out


class SmallTransformer(nn.Module):
    """Two encoder layers as torch ships them, with attention, layer norm and GELU."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.embed = nn.Linear(3, 8)
        layer = nn.TransformerEncoderLayer(
            8, 2, 12, dropout=dropout, activation="gelu", batch_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.encoder(self.embed(x)).mean(1))
        return out


class OwnAttention(nn.Module):
    """Causal attention called as a function, over tied embeddings."""

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(3, 12)
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.project(x).chunk(3, -1)
        attended = F.scaled_dot_product_attention(q[:, None], k[:, None], v[:, None],
                                                  is_causal=True)  # fmt: skip
        out: Tensor = self.head(attended[:, 0, -1])
        return out


class Block(nn.Module):
    """A residual block, in-place rectifiers and all."""

    def __init__(self, channels: int, filters: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, filters, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(filters)
        self.relu = nn.ReLU(inplace=True)
        self.down = nn.Sequential(
            nn.Conv2d(channels, filters, 1, stride, bias=False), nn.BatchNorm2d(filters)
        )

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        result: Tensor = self.relu(self.bn2(self.conv2(out)) + self.down(x))
        return result


class ResNet(nn.Module):
    """A residual network whose batch norm keeps running statistics, as torchvision's."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2, 1),
        )  # fmt: skip
        self.blocks = nn.Sequential(Block(4, 4, 1), Block(4, 6, 2))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.pool(self.blocks(self.stem(x))).flatten(1))
        return out


class GraphNetwork(nn.Module):
    """Two rounds of messages along the edges of one graph, which is a buffer; nodes are inputs."""

    def __init__(self) -> None:
        super().__init__()
        ring = torch.roll(torch.eye(5, dtype=torch.float64), 1, 0)
        self.register_buffer("adjacency", (ring + ring.T) / 2)
        self.message = nn.Linear(3, 6)
        self.update = nn.Linear(6, 6)
        self.readout = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.tanh(self.adjacency @ self.message(x))
        hidden = torch.tanh(self.adjacency @ self.update(hidden))
        out: Tensor = self.readout(hidden.sum(1))
        return out


class TiedAutoencoder(nn.Module):
    """One weight used twice under two names."""

    def __init__(self) -> None:
        super().__init__()
        self.encode = nn.Linear(3, 3)
        self.decode = nn.Linear(3, 3)
        self.decode.weight = self.encode.weight

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.decode(torch.tanh(self.encode(x.mean(1))))
        return out


class Normed(nn.Module):
    """Group, instance and layer norm, a strided convolution over time, an embedding of nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(3, 4, 3, stride=2, padding=1)
        self.depthwise = nn.Conv1d(4, 4, 3, padding=1, groups=4)
        self.group = nn.GroupNorm(2, 4)
        self.instance = nn.InstanceNorm1d(4, affine=True, track_running_stats=True)
        self.layer = nn.LayerNorm(4)
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.group(self.conv(x.transpose(1, 2)))
        hidden = self.layer(self.instance(self.depthwise(hidden)).mean(2) + 0.3)
        out: Tensor = self.head(torch.sigmoid(hidden))
        return out


class Dropping(nn.Module):
    """Half of the hidden units dropped."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(15, 12), nn.Tanh(), nn.Dropout(0.5), nn.Linear(12, 3)
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x)
        return out
