"""Child runs: a run has at most one parent, of its own project, and is never below itself.

Children outlive their parent: moving it to the trash leaves them where they are, and when it is
erased they become runs of their own.
"""

from collections.abc import Sequence

from django.db import transaction

from experiments.errors import Invalid
from experiments.models import Project, Run
from experiments.problems import Problems
from experiments.wording import shown

DEEPEST = 20  # runs above a run


def find_parent(project: Project, parent_id: str, problems: Problems) -> Run | None:
    """The run that a new one is nested in; a problem at "parent" for what is none of the project,
    and for one that is nested too deep itself."""
    parent = Run.objects.filter(pk=parent_id, project=project).first()
    if parent is None:
        problems.take(not_there(project, parent_id))
        return None
    if len(_line(parent)) > DEEPEST:
        problems.add("parent", f"Runs are nested at most {DEEPEST} deep.")
    return parent


def not_there(project: Project, parent_id: str) -> Invalid:
    """The refusal of a parent that is none of the project."""
    problem = f"There is no run {shown(parent_id)} in {project.slug}: use one of the same project."
    return Invalid(problem, code="parent_not_found", fields={"parent": [problem]})


@transaction.atomic
def set_parent(run: Run, parent_id: str) -> Run:
    """Nests a run in another one of its project; "": in none.

    Raises Invalid at "parent" for a run that is not there, or that is below this one.
    """
    # Runs first, then their project, whose lock makes two who nest wait for each other.
    hold([run.pk, parent_id])
    Project.objects.select_for_update(no_key=True).get(pk=run.project_id)
    parent = None
    if parent_id:
        problems = Problems()
        parent = find_parent(run.project, parent_id, problems)
        if parent is not None and run.pk in _line(parent):
            problems.add("parent", f"{parent.name} is this run, or below it: choose another.")
        problems.check()
    Run.objects.filter(pk=run.pk).update(parent=parent)
    run.parent = parent
    return run


def hold(run_ids: Sequence[str]) -> set[str]:
    """Locks runs, so that none is erased before the transaction ends; returns those there are."""
    rows = Run.objects.filter(pk__in=run_ids).order_by("pk")
    return set(rows.select_for_update(no_key=True).values_list("pk", flat=True))


def nest_as_told(run: Run, parent_id: str) -> None:
    """Takes the word of a client that may name anything: what cannot be a parent is none."""
    try:
        set_parent(run, parent_id)
    except Invalid:
        set_parent(run, "")


def _line(run: Run) -> list[str]:
    """The ids of a run and of those above it, no more than can be nested."""
    found = [run.pk]
    above = run.parent_id
    while above is not None and above not in found and len(found) <= DEEPEST:
        found.append(above)
        above = Run.objects.filter(pk=above).values_list("parent_id", flat=True).first()
    return found
