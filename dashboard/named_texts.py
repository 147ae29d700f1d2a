"""Tags of a run that have values, as clients of MLflow write them, for its page."""

from functools import cached_property

from experiments.models import Run, User

PARENT, COMMIT = "mlflow.parentRunId", "mlflow.source.git.commit"
# Shown elsewhere on the page, or of use to MLflow's own page alone.
_ELSEWHERE = ("mlflow.",)


class NamedTexts:
    """What the page of one run shows of them; nothing is read before it is asked for."""

    def __init__(self, run: Run, reader: User) -> None:
        self._run = run
        self._reader = reader

    @cached_property
    def _all(self) -> dict[str, str]:
        rows = self._run.tag_rows.exclude(value="").order_by("name")
        return dict(rows.values_list("name", "value"))

    @property
    def shown(self) -> list[tuple[str, str]]:
        """Those that people wrote."""
        return [pair for pair in self._all.items() if not pair[0].startswith(_ELSEWHERE)]

    @property
    def commit(self) -> str:
        """The commit as MLflow's client told it, which says nothing of uncommitted changes."""
        return self._all.get(COMMIT, "")

    @cached_property
    def parent(self) -> Run | None:
        """The run that this one is nested in, of the same workspace."""
        workspace = self._run.project.workspace
        seen = Run.objects.visible_to(self._reader)
        runs = seen.filter(pk=self._all.get(PARENT, ""), project__workspace=workspace)
        return runs.only("id", "name").first()
