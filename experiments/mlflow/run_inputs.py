"""What runs read and made, as MLflow words it; of many runs in two queries."""

from collections.abc import Sequence

from experiments.mlflow.words import Record, tag_list
from experiments.models import DatasetInput, LoggedModelUse

_DATASET = ("name", "digest", "source_type", "source", "schema", "profile")


def of_runs(ids: Sequence[str]) -> dict[str, Record]:
    """`inputs` and `outputs` of each run."""
    datasets: dict[str, list[Record]] = {run_id: [] for run_id in ids}
    read: dict[str, list[Record]] = {run_id: [] for run_id in ids}
    made: dict[str, list[Record]] = {run_id: [] for run_id in ids}
    rows = DatasetInput.objects.filter(run__in=ids).order_by("pk")
    columns = [f"dataset__{name}" for name in _DATASET]
    for run_id, tags, *texts in rows.values_list("run_id", "tags", *columns):
        dataset = {name: text for name, text in zip(_DATASET, texts, strict=True) if text}
        datasets[run_id].append({"tags": tag_list(tags), "dataset": dataset})
    uses = LoggedModelUse.objects.filter(run__in=ids).order_by("pk")
    for run_id, model_id, role, step in uses.values_list("run_id", "model_id", "role", "step"):
        if role == LoggedModelUse.Role.INPUT:
            read[run_id].append({"model_id": model_id})
        else:
            made[run_id].append({"model_id": model_id, "step": step})
    return {one: _record(datasets[one], read[one], made[one]) for one in ids}


def nothing() -> Record:
    """The same of a run that read and made nothing."""
    return _record([], [], [])


def _record(datasets: list[Record], read: list[Record], made: list[Record]) -> Record:
    return {
        "inputs": {"dataset_inputs": datasets, "model_inputs": read},
        "outputs": {"model_outputs": made},
    }
