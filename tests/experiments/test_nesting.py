"""Child runs: one parent of the same project, no circles, and children outlive their parent."""

import pytest

from experiments import lifecycle, search
from experiments.errors import Invalid
from experiments.models import AuditEntry, Run
from tests import factories

pytestmark = pytest.mark.django_db


def made(project, **options) -> Run:
    return lifecycle.create_run(project=project, user=None, **options)


def test_a_run_is_nested_in_one_of_its_project():
    project = factories.make_project()
    sweep = made(project, name="sweep")

    trial = made(project, parent=sweep.pk)

    assert Run.objects.get(pk=trial.pk).parent == sweep
    assert list(sweep.children.all()) == [trial]


def test_a_parent_of_another_project_is_refused_as_if_it_were_not_there():
    other = factories.make_run(factories.make_project(slug="other"))
    project = factories.make_project()

    with pytest.raises(Invalid) as foreign:
        made(project, parent=other.pk)
    with pytest.raises(Invalid) as unknown:
        made(project, parent="nothing")

    assert list(foreign.value.fields) == list(unknown.value.fields) == ["parent"]
    assert foreign.value.code == unknown.value.code == "parent_not_found"
    assert not project.runs.exists()


def test_a_run_is_never_nested_below_itself():
    project = factories.make_project()
    top = made(project)
    middle = made(project, parent=top.pk)
    low = made(project, parent=middle.pk)

    for below in (top, middle, low):
        with pytest.raises(Invalid, match="choose another"):
            lifecycle.edit_run(top, parent=below.pk)

    assert Run.objects.get(pk=top.pk).parent is None
    lifecycle.edit_run(low, parent=top.pk)
    lifecycle.edit_run(middle, parent=low.pk)
    assert [run.parent_id for run in project.runs.order_by("number")] == [None, low.pk, top.pk]


def test_nesting_has_a_bottom():
    run = made(factories.make_project())
    for _ in range(20):
        run = made(run.project, parent=run.pk)

    with pytest.raises(Invalid, match="at most 20 deep"):
        made(run.project, parent=run.pk)


def test_children_stay_when_their_parent_goes_and_the_audit_log_says_how_many():
    project = factories.make_project()
    sweep = factories.make_run(project, status="completed")
    trial = made(project, parent=sweep.pk)

    lifecycle.trash(sweep)

    assert Run.objects.get(pk=trial.pk).archived_at is None
    assert Run.objects.get(pk=trial.pk).parent == sweep
    lifecycle.erase(sweep)
    assert Run.objects.get(pk=trial.pk).parent is None
    assert AuditEntry.objects.get(action="run.erased").details["children"] == 1


def test_filters_find_children_and_what_has_no_parent():
    project = factories.make_project()
    sweep = factories.make_run(project, "sweep", group="g")
    factories.make_run(project, "trial", parent=sweep, params={"dropout": 0.5}, seed=1)

    def found(text: str) -> list[str]:
        runs = project.runs.filter(search.parse(text, project=project))
        return list(runs.order_by("number").values_list("name", flat=True))

    assert found(f"parent = {sweep.pk}") == ["trial"]
    assert found("parent IS NULL") == ["sweep"]
    assert found("parent is not null AND seed = 1") == ["trial"]
    assert found("parent != other") == ["trial"]
    assert found("group IS NULL") == ["trial"]
    assert found("params.dropout IS NULL") == ["sweep"]
    assert found("metrics.loss IS NOT NULL") == []
    for wrong in ("parent ~ x", "parent IS 3", "parent IS"):
        with pytest.raises(Invalid, match="At character"):
            found(wrong)
