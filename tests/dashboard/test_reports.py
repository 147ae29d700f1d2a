"""Reports as pages: read, written, previewed, kept in versions, taken along."""

import json

import pytest

from experiments import reports
from experiments.models import Report
from tests import factories
from tests.dashboard.compared_runs import compared_runs

pytestmark = pytest.mark.django_db

TEXT = """# What we found

One step **is** enough.

```metascope-panel
runs: name ~ "maml"
metric: train/query_loss
title: Loss of MAML
```

```metascope-verdict
runs: status = completed
baseline: pretrained
```

```metascope-runs
runs: status = completed
columns: seed, metrics.train/query_loss(min)
sort: name
title: All runs
```
"""
HOSTILE = """<script>alert(1)</script> [x](javascript:alert(1)) ![p](https://evil.example/p.png)

```metascope-panel
metric: "><img src=x onerror=alert(1)>
title: </script><script>alert(2)</script>
```

```metascope-<b>x</b>
runs: <script>alert(3)</script>
```
"""


@pytest.fixture
def lab():
    return factories.make_workspace("lab", ada="member", vera="viewer", max="admin")


@pytest.fixture
def project(lab):
    project = factories.make_project(lab, "sinusoid")
    compared_runs(project)
    return project


@pytest.fixture
def report(project):
    return reports.create(project, user=factories.make_user("ada"), title="Found", text=TEXT)


@pytest.fixture
def sign_in(client):
    def sign_in(name):
        client.force_login(factories.make_user(name))
        return client

    return sign_in


def test_a_report_shows_text_verdict_and_runs_and_asks_for_its_curves(sign_in, report):
    page = sign_in("vera").get(f"/reports/{report.pk}/").content.decode()

    assert "<strong>is</strong> enough" in page
    assert f'data-chart="/reports/{report.pk}/panels/0/?x=step"' in page
    assert "than" in page
    assert "pretrained" in page
    assert page.count('<tr class="c') >= 3
    assert "Edit" not in page.split("<main")[1].split("</main>")[0]


def test_a_panel_answers_curves_of_its_own_runs(sign_in, report):
    answer = sign_in("vera").get(f"/reports/{report.pk}/panels/0/?x=step")

    names = [one["name"] for one in answer.json()["legend"]]
    assert sorted(names) == ["maml", "maml-edited"]
    assert answer.json()["empty"] is None


def test_a_panel_is_a_picture_without_scripts(sign_in, report):
    answer = sign_in("vera").get(f"/reports/{report.pk}/panels/0/picture.svg")

    assert answer["Content-Type"] == "image/svg+xml"
    assert answer.content.decode().count("<polyline") >= 2


def test_what_is_no_panel_is_not_there(sign_in, report):
    client = sign_in("vera")

    assert client.get(f"/reports/{report.pk}/panels/1/").status_code == 404
    assert client.get(f"/reports/{report.pk}/panels/99/").status_code == 404


def test_a_report_is_written_previewed_and_saved(sign_in, project):
    client = sign_in("ada")

    preview = client.post(
        "/p/lab/sinusoid/reports/new/", {"title": "T", "text": TEXT, "preview": "1"}
    ).content.decode()
    saved = client.post("/p/lab/sinusoid/reports/new/", {"title": "T", "text": TEXT}, follow=True)

    assert "<polyline" in preview
    assert "Loss of MAML" in preview
    assert Report.objects.get().title == "T"
    assert "The report is saved." in saved.content.decode()
    assert "T" in client.get("/p/lab/sinusoid/reports/").content.decode()


def test_what_is_wrong_is_said_beside_the_field_and_nothing_is_lost(sign_in, project):
    refused = sign_in("ada").post(
        "/p/lab/sinusoid/reports/new/", {"title": " ", "text": "kept text"}
    )

    assert refused.status_code == 400
    assert "Must not be empty." in refused.content.decode()
    assert "kept text" in refused.content.decode()


def test_of_two_who_edit_at_once_the_second_sees_both_texts(sign_in, report):
    client = sign_in("ada")
    reports.edit(report, user=factories.make_user("max"), version=1, text="Written by Max.")

    refused = client.post(
        f"/reports/{report.pk}/edit/", {"version": "1", "title": "Found", "text": "By Ada."}
    )

    page = refused.content.decode()
    assert refused.status_code == 409
    assert "max has changed this report meanwhile" in page
    assert "Written by Max." in page
    assert "By Ada." in page
    again = client.post(
        f"/reports/{report.pk}/edit/", {"version": "2", "title": "Found", "text": "By both."}
    )
    assert again.status_code == 302
    assert [one.text for one in report.versions.order_by("number")][1:] == [
        "Written by Max.",
        "By both.",
    ]


def test_an_older_version_is_shown_and_can_be_written_again(sign_in, report):
    client = sign_in("ada")
    reports.edit(report, user=factories.make_user("ada"), version=1, text="Second.")

    old = client.get(f"/reports/{report.pk}/?version=1").content.decode()
    form = client.get(f"/reports/{report.pk}/edit/?version=1").content.decode()

    assert "An older version." in old
    assert "Loss of MAML" in old
    assert "One step **is** enough." in form
    assert 'name="version" value="2"' in form


def test_viewers_read_and_write_nothing(sign_in, report):
    client = sign_in("vera")

    assert client.get(f"/reports/{report.pk}/edit/").status_code == 403
    for address in ("edit/", "remove/", "share/"):
        assert client.post(f"/reports/{report.pk}/{address}", {}).status_code == 403
    assert client.post("/p/lab/sinusoid/reports/new/", {"title": "x"}).status_code == 403


def test_only_its_first_author_and_admins_remove_a_report(sign_in, report, lab):
    factories.make_member(lab, factories.make_user("grace"), "member")

    assert sign_in("grace").post(f"/reports/{report.pk}/remove/").status_code == 403
    assert sign_in("max").post(f"/reports/{report.pk}/remove/").status_code == 302
    assert not Report.objects.exists()


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ("metascope-panel\nruns: a = b", "metric is missing"),
        ("metascope-panel\nmetric: loss\nruns: lr <", "filter"),
        ("metascope-panel\nmetric: loss\nsmoth: 1", "&#x27;smoth&#x27; is no option here"),
        ("metascope-panel\nmetric: loss\nlimit: 5000", "use a whole number from 1 to 50"),
        ("metascope-verdict\nruns: name = maml", "A verdict needs 2 runs or more"),
        ("metascope-verdict\nbaseline: nobody", "none of the runs is called"),
        ("metascope-runs\ncolumns: lr", "is no column"),
        ("metascope-runs\nsort: nonsense", "nonsense"),
        ("metascope-other\n", "is no block of a report"),
    ],
)
def test_a_block_that_is_wrong_says_what_to_change(sign_in, project, block, said):
    page = sign_in("ada").post(
        "/p/lab/sinusoid/reports/new/",
        {"title": "T", "text": f"```{block}\n```", "preview": "1"},
    )

    assert page.status_code == 200
    assert said in page.content.decode().partition("</form>")[2]


@pytest.mark.parametrize("kind", ["panel\nmetric: loss", "verdict", "runs"])
def test_a_filter_that_cannot_be_read_is_told_in_its_block_and_the_rest_is_there(
    sign_in, project, kind
):
    text = f"before\n\n```metascope-{kind}\nruns: name = maml AND lr <\n```\n\nafter"
    report = reports.create(project, user=factories.make_user("ada"), title="T", text=text)
    client = sign_in("ada")

    for address in ("", "export.html"):
        answer = client.get(f"/reports/{report.pk}/{address}")
        page = answer.content.decode()

        assert answer.status_code == 200
        assert "This block cannot be shown." in page
        assert "runs: At character " in page
        assert "name = maml AND lr &lt;\n" in page
        assert "^</pre>" in page
        assert "data-chart=" not in page
        assert page.index("before</p>") < page.index("cannot be shown") < page.index("after</p>")
    assert client.get(f"/reports/{report.pk}/export.pdf").status_code == 200


def test_hostile_text_shows_as_text(sign_in, project):
    report = reports.create(
        project, user=factories.make_user("ada"), title="<img src=x>", text=HOSTILE
    )
    client = sign_in("ada")

    for address in ("", "edit/", "export.html"):
        page = client.get(f"/reports/{report.pk}/{address}").content.decode()

        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert 'evil.example/p.png"' not in page.replace('href="https://evil.example/p.png"', "")
        assert 'href="javascript' not in page


def test_the_export_is_one_file_that_fetches_nothing(sign_in, report):
    answer = sign_in("vera").get(f"/reports/{report.pk}/export.html")

    text = answer.content.decode()
    assert answer["Content-Disposition"] == 'attachment; filename="Found.html"'
    assert "<polyline" in text
    assert "Loss of MAML" in text
    assert "<script" not in text
    assert "src=" not in text
    assert "url(" not in text
    assert "<link" not in text
    assert "/runs/" not in text


def test_a_panel_shows_no_run_of_another_project(sign_in, lab, project):
    other = factories.make_run(factories.make_project(lab, "other"), "secret")
    mine = project.runs.get(name="maml")
    text = f"```metascope-panel\nruns: {other.pk}, {mine.pk}\nmetric: train/query_loss\n```"
    report = reports.create(project, user=factories.make_user("ada"), title="T", text=text)

    answer = sign_in("vera").get(f"/reports/{report.pk}/panels/0/?runs={other.pk}&key=loss")

    assert [one["name"] for one in answer.json()["legend"]] == ["maml"]
    assert "secret" not in json.dumps(answer.json())
