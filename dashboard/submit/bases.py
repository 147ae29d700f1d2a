"""What a form starts from: the run that is copied, a preset, or the schema's defaults."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from experiments.lifecycle import EVALUATES
from experiments.models import Job, Run

Trainers = Mapping[str, Mapping[str, Any]]

# Of another algorithm's preset, these suit the episodes whatever learns from them.
BORROWED = ("episodes", "network", "evaluation", "checkpoint_every")


@dataclass(frozen=True)
class Base:
    """`spec` is where the fields start; `title` is what changes are counted against."""

    name: str  # of the preset; empty for the others
    title: str
    origin: str  # where it comes from, for people
    spec: Mapping[str, Any]
    is_copy: bool = False  # of a run


@dataclass(frozen=True)
class PresetOption:
    """A preset as offered. `source` is what its episodes are sampled from."""

    name: str
    title: str
    source: str


def preset_options(trainer: Mapping[str, Any]) -> list[PresetOption]:
    """The presets that an algorithm announced."""
    return [
        PresetOption(one["name"], one["title"], source_of(one["spec"]))
        for one in trainer.get("presets", ())
    ]


def source_of(spec: Mapping[str, Any]) -> str:
    """What a spec's episodes are sampled from; empty if it does not say."""
    episodes = spec.get("episodes")
    return str(episodes.get("source", "")) if isinstance(episodes, Mapping) else ""


def sources(schema: Mapping[str, Any]) -> list[str]:
    """The episode sources an algorithm accepts, in its order."""
    episodes = schema.get("properties", {}).get("episodes", {})
    found = []
    for branch in episodes.get("anyOf") or episodes.get("oneOf") or [episodes]:
        tag = branch.get("properties", {}).get("source", {})
        found += tag.get("enum", [tag["const"]] if "const" in tag else [])
    return found


def copied_spec(run: Run) -> Mapping[str, Any]:
    """The spec that a run's job was submitted with; its params for runs without a job.

    Of an evaluation made again it is what would train such a run.
    """
    job: Job | None = getattr(run, "job", None)
    spec: Mapping[str, Any] = run.params if job is None else job.spec
    return {key: value for key, value in spec.items() if key != EVALUATES}


def base_of(
    trainers: Trainers, algorithm: str, *, source: str, preset: str | None, copied: Run | None
) -> Base:
    """Where the form starts. `preset`: its name, "" for none, None for the first that fits the
    source; the source "" fits any."""
    if copied is not None and (preset is None and _fits(copied_spec(copied), algorithm, source)):
        return Base("", f"run {copied.name}", "The spec of that run.", copied_spec(copied), True)
    offered: Sequence[Mapping[str, Any]] = trainers[algorithm].get("presets", ())
    fitting = [one for one in offered if source in ("", source_of(one["spec"]))]
    chosen = next((one for one in fitting if preset in (None, one["name"])), None)
    if chosen is not None and preset != "":
        return Base(chosen["name"], chosen["title"], chosen["source"], chosen["spec"])
    return _defaults(trainers, source)


def _fits(spec: Mapping[str, Any], algorithm: str, source: str) -> bool:
    return spec.get("algorithm") == algorithm and source in ("", source_of(spec))


def _defaults(trainers: Trainers, source: str) -> Base:
    """The schema's defaults; episodes and network as in any algorithm's preset for the source."""
    for trainer in trainers.values():
        for one in trainer.get("presets", ()):
            if source and source_of(one["spec"]) == source:
                spec = {key: one["spec"][key] for key in BORROWED if key in one["spec"]}
                origin = f"Episodes and network as in {trainer['title']}: {one['title']}."
                return Base("", "the defaults", origin, spec)
    return Base("", "the defaults", "The defaults of the algorithm.", {})
