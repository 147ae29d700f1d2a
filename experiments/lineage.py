"""The lineage graph: runs read versions of artifacts and made others."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db.models import QuerySet

from experiments.models import ArtifactUse, ArtifactVersion, ModelVersion, Project, Run

MOST_NODES = 500


@dataclass(frozen=True)
class Node:
    id: str  # "run-ID", "version-ID", "model-ID" of a registered one, "dataset-ID" of MLflow's
    kind: str  # run, dataset, model or file
    name: str


@dataclass(frozen=True)
class Edge:
    """From what came first to what was made of it."""

    before: str
    after: str


@dataclass
class Graph:
    """Everything a thing descends from, and everything that descends from it."""

    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    complete: bool = True


def of_version(version: ArtifactVersion, projects: QuerySet[Project]) -> Graph:
    """The graph around a version, as far as it lies in these projects."""
    return _walk(_uses_in(projects), versions={version.pk}, runs=set())


def of_run(run: Run, projects: QuerySet[Project]) -> Graph:
    """The graph around a run, as far as it lies in these projects."""
    return _walk(_uses_in(projects), versions=set(), runs={run.pk})


def of_model(version: ModelVersion, run: Run | None, projects: QuerySet[Project]) -> Graph:
    """The graph around a version of a registered model, as far as it lies in these projects: its
    run (None where there is none to be seen), what that read, the artifact that it is, the runs
    that loaded it, and what they made.
    """
    uses = _uses_in(projects)
    artifacts = ArtifactVersion.objects.filter(artifact__project__in=projects)
    own = set(artifacts.filter(registrations=version).values_list("pk", flat=True))
    runs = {run.pk} if run else set()
    found: set[tuple[str, int, str]] = set()
    complete = _follow(uses, set(own), set(runs), found, upstream=True)
    complete &= _follow(uses, set(own), set(), found, upstream=False)
    made = {one for _, one, _ in found} - own
    nodes = _nodes(own | made, runs | {one for one, _, _ in found})
    center = Node(f"model-{version.pk}", "model", f"{version.model.name} v{version.number}")
    last = [f"version-{pk}" for pk in own] or [f"run-{pk}" for pk in runs]
    # Who reads the artifact loads the model that it is.
    edges = [
        Edge(center.id, edge.after) if edge.before in last and own else edge
        for edge in _edges(found)
    ]
    edges += [Edge(before, center.id) for before in last]
    if own and run and not any(edge == Edge(f"run-{run.pk}", last[0]) for edge in edges):
        edges.append(Edge(f"run-{run.pk}", center.id))
    for read in run.dataset_inputs.select_related("dataset") if run else ():
        node = Node(f"dataset-{read.dataset_id}", "dataset", read.dataset.name)
        nodes.append(node)
        edges.append(Edge(node.id, f"run-{read.run_id}"))
    others, more = _registered(made)
    return Graph([*nodes, *others, center], [*edges, *more], complete)


def _uses_in(projects: QuerySet[Project]) -> QuerySet[ArtifactUse]:
    return ArtifactUse.objects.filter(
        run__project__in=projects, version__artifact__project__in=projects
    )


def _walk(uses: QuerySet[ArtifactUse], versions: set[int], runs: set[str]) -> Graph:
    """Upstream and downstream, each by itself: siblings of what made the thing are not shown."""
    found: set[tuple[str, int, str]] = set()  # run, version, role
    complete = _follow(uses, set(versions), set(runs), found, upstream=True)
    complete &= _follow(uses, set(versions), set(runs), found, upstream=False)
    versions |= {version for _, version, _ in found}
    runs |= {run for run, _, _ in found}
    models, registrations = _registered(versions)
    return Graph([*_nodes(versions, runs), *models], [*_edges(found), *registrations], complete)


def _registered(versions: set[int]) -> tuple[list[Node], list[Edge]]:
    """The registered models that these versions of artifacts are, named for the whole workspace."""
    rows = ModelVersion.objects.filter(artifact_version__in=versions).select_related("model")
    nodes, edges = [], []
    for row in rows.order_by("pk")[:MOST_NODES]:
        node = Node(f"model-{row.pk}", "model", f"{row.model.name} v{row.number}")
        nodes.append(node)
        edges.append(Edge(f"version-{row.artifact_version_id}", node.id))
    return nodes, edges


def _follow(
    known: QuerySet[ArtifactUse],
    versions: set[int],
    runs: set[str],
    found: set[tuple[str, int, str]],
    *,
    upstream: bool,
) -> bool:
    """Adds the uses that lead up or down from here; False when there are more than fit."""
    role = ArtifactUse.Role
    of_versions, of_runs = (
        (role.OUTPUT, role.INPUT) if upstream else (role.INPUT, role.OUTPUT)
    )  # up: a version comes from the run that made it, a run from the versions it read
    seen_versions, seen_runs = set(versions), set(runs)
    while versions or runs:
        uses = known.filter(role=of_versions, version__in=versions)
        more = known.filter(role=of_runs, run__in=runs)
        new: list[tuple[str, int, str]] = [
            *uses.values_list("run_id", "version_id", "role")[:MOST_NODES],
            *more.values_list("run_id", "version_id", "role")[:MOST_NODES],
        ]
        found.update(new)
        versions = {version for _, version, _ in new} - seen_versions
        runs = {run for run, _, _ in new} - seen_runs
        seen_versions |= versions
        seen_runs |= runs
        if len(seen_versions) + len(seen_runs) > MOST_NODES:
            return False
    return True


def _nodes(versions: set[int], runs: set[str]) -> list[Node]:
    rows = ArtifactVersion.objects.filter(pk__in=versions).select_related("artifact")
    nodes = [
        Node(f"version-{row.pk}", row.artifact.kind, f"{row.artifact.name}:{row.number}")
        for row in rows.order_by("pk")
    ]
    named = Run.objects.filter(pk__in=runs).order_by("number").values_list("pk", "name")
    return nodes + [Node(f"run-{pk}", "run", name) for pk, name in named]


def _edges(found: set[tuple[str, int, str]]) -> list[Edge]:
    edges: Sequence[Edge] = [
        Edge(f"version-{version}", f"run-{run}")
        if role == ArtifactUse.Role.INPUT
        else Edge(f"run-{run}", f"version-{version}")
        for run, version, role in sorted(found)
    ]
    return list(edges)
