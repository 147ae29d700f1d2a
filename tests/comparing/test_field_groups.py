"""Groups of runs that are alike in fields: the run table's, on the compare page."""

import pytest
from django.test import Client

from experiments import reading
from experiments.comparing import groups
from experiments.errors import Invalid
from experiments.models import Role, Run
from tests.factories import make_project, make_run, make_user, make_workspace

pytestmark = pytest.mark.django_db
EVIL = "<script>alert(1)</script>"


def run_of(seed: int, *, lr: float | str, algorithm: str = "maml", **fields) -> Run:
    params = {"algorithm": algorithm, "lr": lr, "seed": seed}
    return make_run(name=f"{algorithm}-s{seed}", seed=seed, params=params, **fields)


def test_runs_alike_in_fields_are_one_group_named_by_what_they_hold():
    runs = [run_of(seed, lr=lr) for lr in (0.1, 0.2) for seed in range(2)]

    found = groups.group(runs, "params.lr")

    assert [one.name for one in found] == ["lr 0.1", "lr 0.2"]
    assert [one.run_ids for one in found] == [
        tuple(run.pk for run in runs[:2]), tuple(run.pk for run in runs[2:]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "by", ["params.lr", "params.lr,params.algorithm", "tags.set", "group", "status"]
)
def test_groups_are_those_of_the_run_table(by):
    project = make_project()
    for place in range(12):
        lr = (1, "1.0", 0.5)[place % 3]
        run = run_of(place % 4, lr=lr, algorithm="ab"[place % 2], project=project, group="g")
        run.tag_rows.create(project=project, name="set", value="x" * (place % 2), text="x")
    runs = list(project.runs.all())

    mine = {frozenset(one.run_ids + one.superseded) for one in groups.group(runs, f"{by},status")}
    names = [*by.split(","), "status"]
    table = reading.run_groups(
        project, by=list(dict.fromkeys(names)), filters="", sort="created", descending=True,
        columns=[], offset=0, limit=50, archived=False,
    )  # fmt: skip

    assert mine == {frozenset(one.run_ids) for one in table.groups}


def test_of_a_group_only_trainings_repeated_exactly_count_once():
    old, new = run_of(0, lr=0.1), run_of(0, lr=0.1)
    other = run_of(0, lr=0.2)

    (found,) = groups.group([old, new, other], "params.algorithm")

    assert found.run_ids == (new.pk, other.pk)
    assert found.superseded == (old.pk,)


def test_groups_with_a_seed_twice_are_not_paired():
    assert groups.are_paired((0, 1), (1, 0))
    assert not groups.are_paired((0, 0, 1), (0, 1))
    assert not groups.are_paired((0, 0), (0, 0))
    assert not groups.are_paired((None, 1), (None, 1))


def test_fields_that_are_none_are_refused():
    for by in ("metrics.loss", "nonsense", ",", "a,b,c,d,e,f"):
        with pytest.raises(Invalid):
            groups.group([run_of(0, lr=1)], by)


@pytest.fixture
def ada(client: Client) -> Client:
    make_project(make_workspace("lab", ada=Role.VIEWER), "sinusoid")
    client.force_login(make_user("ada"))
    return client


def test_the_table_sends_its_groups_to_the_comparison(ada):
    runs = [run_of(seed, lr=lr) for lr in ("a,b", EVIL) for seed in range(2)]
    table = ada.get("/p/lab/sinusoid/?group=params.lr").content.decode()
    link = table.split("Compare groups")[0].rpartition('href="')[2].partition('"')[0]
    assert "by=params.lr&amp;over=params.lr&amp;bands=t" in link

    page = ada.get(link.replace("&amp;", "&"), follow=True).content.decode()

    assert '<option value="params.lr" selected>lr</option>' in page
    assert EVIL not in page
    assert all(f'runs/{run.pk}/"' in page for run in runs)


def test_a_comparison_by_what_is_no_field_is_of_what_suits_the_runs(ada):
    runs = [run_of(seed, lr=seed) for seed in range(2)]

    page = ada.get(f"/compare/?runs={runs[0].pk},{runs[1].pk}&by=metrics.x&over=%3Cb%3E")

    assert page.status_code == 200
    assert '<option value="run" selected>' in page.content.decode()


def test_of_many_groups_the_newest_runs_of_each_are_sent(ada):
    for lr in range(3):
        for seed in range(40):
            run_of(seed, lr=lr)

    table = ada.get("/p/lab/sinusoid/?group=params.lr").content.decode()

    assert "The newest 34 runs at most of the groups" in table
    link = table.split("Compare groups")[0].rpartition("?runs=")[2].partition("&")[0]
    assert len(link.split(",")) == 100
