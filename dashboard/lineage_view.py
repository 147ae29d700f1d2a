"""The lineage of a version, laid out in columns: what came before on the left."""

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.urls import reverse

from dashboard import model_rows, version_rows
from dashboard.templatetags.formats import plural
from experiments import access, lineage
from experiments.models import ArtifactVersion, ModelVersion, Run, User

BOX_WIDTH, BOX_HEIGHT = 172, 44
STEP_X, STEP_Y = BOX_WIDTH + 48, BOX_HEIGHT + 12
MARGIN = 4
MOST_IN_COLUMN = 8
LONGEST_NAME = 22


@dataclass(frozen=True)
class Step:
    """A node of the graph: `column` 0 is the version itself, those before it are negative."""

    id: str
    kind: str
    name: str
    href: str  # empty: it has no page
    column: int
    before: list[str]  # names of what it was made from

    @property
    def short(self) -> str:
        """The name as far as a box has room."""
        fits = len(self.name) <= LONGEST_NAME
        return self.name if fits else f"{self.name[: LONGEST_NAME - 1]}…"

    @property
    def place(self) -> str:
        """Where it stands, in words."""
        if not self.column:
            return "this version"
        side = "before" if self.column < 0 else "after"
        return f"{plural(abs(self.column), 'step')} {side}"


@dataclass(frozen=True)
class Box:
    step: Step
    x: int
    y: int


@dataclass(frozen=True)
class LineageView:
    """Boxes and lines of the drawing; `steps` is everything, also what found no room in it."""

    steps: list[Step]
    boxes: list[Box]
    lines: list[str]
    width: int
    height: int
    hidden: int
    complete: bool

    @classmethod
    def of(cls, version: ArtifactVersion, reader: User) -> "LineageView":
        """The graph around a version, as far as the reader may see it."""
        graph = lineage.of_version(version, access.projects_of(reader))
        return cls._of(graph, f"version-{version.pk}")

    @classmethod
    def of_model(cls, version: ModelVersion, run: Run | None, reader: User) -> "LineageView":
        """The same of a registered model; `run` made it, as far as that is to be seen."""
        graph = lineage.of_model(version, run, access.projects_of(reader))
        return cls._of(graph, f"model-{version.pk}")

    @classmethod
    def _of(cls, graph: lineage.Graph, center: str) -> "LineageView":
        steps = _steps(graph, center, _hrefs(graph.nodes))
        boxes = _boxes(steps, graph.edges)
        drawn = {box.step.id: box for box in boxes}
        return cls(
            steps=steps,
            boxes=boxes,
            lines=[
                _line(drawn[edge.before], drawn[edge.after])
                for edge in graph.edges
                if edge.before in drawn and edge.after in drawn
            ],
            width=max(box.x for box in boxes) + BOX_WIDTH + MARGIN,
            height=max(box.y for box in boxes) + BOX_HEIGHT + MARGIN,
            hidden=len(steps) - len(boxes),
            complete=graph.complete,
        )


def _steps(graph: lineage.Graph, center: str, hrefs: Mapping[str, str]) -> list[Step]:
    after: dict[str, list[str]] = defaultdict(list)
    before: dict[str, list[str]] = defaultdict(list)
    for edge in graph.edges:
        after[edge.before].append(edge.after)
        before[edge.after].append(edge.before)
    columns = _distances(center, after)
    columns |= {node: -far for node, far in _distances(center, before).items()}
    names = {node.id: node.name for node in graph.nodes}
    steps = [
        Step(
            id=node.id,
            kind=node.kind,
            name=node.name,
            href=hrefs.get(node.id, ""),
            column=columns.get(node.id, 0),
            before=[names[one] for one in before[node.id] if one in names],
        )
        for node in graph.nodes
    ]
    return sorted(steps, key=lambda step: step.column)


def _distances(start: str, nexts: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """The fewest edges from `start` to each node that can be reached."""
    found = {start: 0}
    waiting = deque([start])
    while waiting:
        node = waiting.popleft()
        for one in nexts.get(node, ()):
            if one not in found:
                found[one] = found[node] + 1
                waiting.append(one)
    return found


def _hrefs(nodes: Sequence[lineage.Node]) -> dict[str, str]:
    found = version_rows.versions().filter(pk__in=_ids(nodes, "version-")).prefetch_related(None)
    hrefs = {f"version-{one.pk}": version_rows.address(one) for one in found}
    models = ModelVersion.objects.filter(pk__in=_ids(nodes, "model-"))
    for one in models.select_related("model__workspace"):
        hrefs[f"model-{one.pk}"] = model_rows.version_address(one)
    runs = [node.id for node in nodes if node.kind == "run"]
    return hrefs | {one: reverse("run", args=[one.removeprefix("run-")]) for one in runs}


def _ids(nodes: Sequence[lineage.Node], prefix: str) -> list[str]:
    return [node.id.removeprefix(prefix) for node in nodes if node.id.startswith(prefix)]


def _boxes(steps: Sequence[Step], edges: Sequence[lineage.Edge]) -> list[Box]:
    """Columns from the middle outwards, each in the order of what it hangs on, and centred."""
    columns: dict[int, list[Step]] = defaultdict(list)
    for step in steps:
        columns[step.column].append(step)
    shown = {column: some[:MOST_IN_COLUMN] for column, some in columns.items()}
    tallest = max(len(some) for some in shown.values())
    neighbours: dict[str, list[str]] = defaultdict(list)
    for edge in edges:
        neighbours[edge.before].append(edge.after)
        neighbours[edge.after].append(edge.before)
    placed: dict[str, Box] = {}
    for column in sorted(shown, key=abs):
        heights = {
            step.id: [placed[one].y for one in neighbours[step.id] if one in placed]
            for step in shown[column]
        }
        some = sorted(shown[column], key=lambda step: _mean(heights[step.id]))
        top = MARGIN + (tallest - len(some)) * STEP_Y // 2
        x = MARGIN + (column - min(shown)) * STEP_X
        placed |= {step.id: Box(step, x, top + row * STEP_Y) for row, step in enumerate(some)}
    return sorted(placed.values(), key=lambda box: (box.x, box.y))


def _mean(values: Sequence[int]) -> float:
    return sum(values) / len(values) if values else 0.0


def _line(before: Box, after: Box) -> str:
    """A curve from the right side of one box to the left side of another."""
    x, y = before.x + BOX_WIDTH, before.y + BOX_HEIGHT // 2
    to_x, to_y = after.x, after.y + BOX_HEIGHT // 2
    bend = max(abs(to_x - x) // 2, 24)
    return f"M{x} {y}C{x + bend} {y} {to_x - bend} {to_y} {to_x} {to_y}"
