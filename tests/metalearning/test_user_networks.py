"""Networks of a user's own package: who may name them, and that they train from a spec alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from experiments import specs as submitted
from experiments.errors import Invalid
from tests.metalearning.building import short_spec
from worker.metalearning import specs
from worker.metalearning.errors import SpecError
from worker.metalearning.training import train

SOURCE = """
import torch
from torch import nn

class Wave(nn.Module):
    def __init__(self, inputs: int, outputs: int, width: int = 6):
        super().__init__()
        self.wide = nn.Linear(inputs, width)
        self.out = nn.Linear(width, outputs)
    def forward(self, x):
        return self.out(torch.sin(self.wide(x)))

def function(**options):
    raise AssertionError("called")
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that is installed and permitted."""
    (tmp_path / "ownnets").mkdir()
    (tmp_path / "ownnets" / "__init__.py").write_text("")
    (tmp_path / "ownnets" / "nets.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("METASCOPE_NETWORK_PACKAGES", "ownnets, other")
    return tmp_path


def own_spec(path: str = "ownnets.nets:Wave", **options: Any) -> dict[str, Any]:
    return short_spec(network={"kind": "module", "path": path, "options": options})


def run(spec: dict[str, Any]) -> list[Any]:
    return list(train(specs.parse(spec), device="cpu", omniglot_dir=None, cache_dir=None))


def test_module_of_a_permitted_package_trains_from_the_spec(package: Path) -> None:
    reports = run(own_spec(width=5))

    assert reports[-1].evaluation.protocol["batch_norm"] == "none"
    assert reports[-1].checkpoint.parameters["wide.weight"].shape == (5, 1)


def test_long_training_of_a_users_module_goes_through_graphs(package: Path) -> None:
    reports = run({**own_spec(), "outer": {"steps": 200, "episodes_per_step": 4, "lr": 0.01},
                   "log_every": 50})  # fmt: skip

    losses = [r.metrics["train/query_loss"] for r in reports if "train/query_loss" in r.metrics]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    ("path", "options", "where", "message"),
    [
        ("os:system", {"command": "false"}, "network.path", "not permitted.*ownnets"),
        ("ownnets.nets:function", {}, "network.path", "no subclass of torch.nn.Module"),
        ("ownnets.nets:Absent", {}, "network.path", "cannot be imported.*Install its package"),
        ("other.nets:Wave", {}, "network.path", "cannot be imported: ModuleNotFoundError"),
        ("nobody-declared", {}, "network.path", "no network that an installed package declares"),
        ("ownnets.nets:Wave", {"depth": 3}, "network.options", "does not run with these options"),
        ("ownnets.nets:Wave", {"outputs": 4}, "network.options", r"\(2, 4\).*need \(2, 1\)"),
    ],
)
def test_what_is_not_permitted_or_does_not_run_names_the_field(
    package: Path, path: str, options: dict[str, Any], where: str, message: str
) -> None:
    with pytest.raises(SpecError, match=message) as raised:
        run(own_spec(path, **options))

    assert raised.value.path == where


@pytest.mark.parametrize(
    ("path", "options", "field"),
    [
        ("os:system", {}, "spec.network.path"),
        ("ownnets.nets", {}, "spec.network.path"),
        ("ownnets.nets:Wave", {"width": [1]}, "spec.network.options.width"),
    ],
)
def test_submitting_refuses_by_the_announced_schema(
    package: Path, path: str, options: dict[str, Any], field: str
) -> None:
    schema = specs.schema("maml")

    submitted.validate(schema, own_spec())
    with pytest.raises(Invalid) as raised:
        submitted.validate(schema, own_spec(path, **options))

    assert list(raised.value.fields) == [field]


def test_no_package_is_permitted_unless_the_machine_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("METASCOPE_NETWORK_PACKAGES", raising=False)

    with pytest.raises(Invalid) as raised:
        submitted.validate(specs.schema("maml"), own_spec())

    assert list(raised.value.fields) == ["spec.network.path"]


def test_declared_network_is_known_by_its_name(package: Path) -> None:
    info = package / "ownnets-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ownnets\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[metascope.networks]\nwave = ownnets.nets:Wave\n")

    reports = run(own_spec("wave"))

    assert reports[-1].evaluation is not None
    submitted.validate(specs.schema("maml"), own_spec("wave"))


def test_command_line_trains_a_spec_without_django(package: Path, tmp_path: Path) -> None:
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps(own_spec()))
    code = (
        "import sys; sys.modules['django'] = None\n"
        "from worker.metalearning.__main__ import main\n"
        f"sys.exit(main([{str(spec)!r}, '--out', {str(tmp_path / 'out')!r}]))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=240,
        env={"PYTHONPATH": f"{Path.cwd()}:{package}", "METASCOPE_NETWORK_PACKAGES": "ownnets"},
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[-1]["evaluation"]["name"] == "test"
    assert Path(lines[-1]["checkpoint"]).exists()
