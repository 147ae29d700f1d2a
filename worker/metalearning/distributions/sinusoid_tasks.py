"""The sinusoid family in NumPy, for the catalogue and for evaluation episodes (no torch).

y = A sin(x - phase), A ~ U[0.1, 5], phase ~ U[0, pi], x ~ U[-5, 5] (Finn et al. 2017, 5.1). The
paper gives no formula; the sign is that of the authors' code: `amp * np.sin(x - phase)`
(cbfinn/maml, data_generator.py). With phases from [0, pi] the other sign would be another family.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from worker.metalearning.distributions.identity import content_hash, episode_generator
from worker.metalearning.specs import SinusoidEpisodes


@dataclass(frozen=True)
class SinusoidTask:
    """One sinusoid with its points: x and y are `(shot + query,)`, the support points first."""

    amplitude: float
    phase: float
    x: NDArray[np.float64]

    @property
    def y(self) -> NDArray[np.float64]:
        return self.at(self.x)

    def at(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """The true curve."""
        return self.amplitude * np.sin(x - self.phase)


def sinusoid_hash(episodes: SinusoidEpisodes) -> str:
    """Content hash of the distribution: every range, shot and query."""
    return content_hash(
        {
            "source": "sinusoid",
            "curve": "amplitude * sin(x - phase)",
            "amplitude": [episodes.amplitude_low, episodes.amplitude_high],
            "phase": [0.0, episodes.phase_high],
            "x": episodes.x_range,
            "shot": episodes.shot,
            "query": episodes.query,
        }
    )


def sinusoid_task(episodes: SinusoidEpisodes, name: str) -> SinusoidTask:
    """The sinusoid of the episode with this id."""
    numbers = episode_generator(name)
    amplitude = numbers.uniform(episodes.amplitude_low, episodes.amplitude_high)
    phase = numbers.uniform(0.0, episodes.phase_high)
    x = numbers.uniform(-episodes.x_range, episodes.x_range, episodes.shot + episodes.query)
    return SinusoidTask(amplitude=float(amplitude), phase=float(phase), x=x)
