"""The submit page: a form made from announced schemas, sent as a plain form."""

import json
import re
import shlex
from html import unescape
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.test import Client

from experiments import lifecycle
from experiments.models import IdempotencyRecord, Job, Role, Run
from tests.factories import (
    OMNIGLOT_MISSING,
    announced_distributions,
    make_job,
    make_project,
    make_run,
    make_user,
    make_worker,
    make_workspace,
)
from worker.trainers import trainers

pytestmark = pytest.mark.django_db

URL = "/jobs/new/"


@pytest.fixture
def ada(client: Client) -> Client:
    make_workspace("lab", ada=Role.MEMBER)
    make_project()
    client.force_login(make_user("ada"))
    return client


@pytest.fixture
def worker(ada: Client):
    return make_worker()


def page(client: Client, query: str = "") -> str:
    answer = client.get(URL + query)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def filled(text: str) -> dict[str, str]:
    """What a browser without scripts would send from the page's form."""
    form = text[text.index('id="job"') : text.index("</form>", text.index('id="job"'))]
    found = {}
    for tag in re.findall(r"<input [^>]*>", form):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and ("checkbox" not in tag or " checked" in tag):
            found[name[1]] = value[1] if value else ""
    for name, options in re.findall(r'<select [^>]*name="([^"]*)"[^>]*>(.*?)</select>', form):
        chosen = re.search(r'<option(?: value="([^"]*)")? selected>([^<]*)', options)
        assert chosen, name
        found[name] = chosen[1] if chosen[1] is not None else chosen[2]
    return found


def send(client: Client, query: str = "", **changes: str):
    return client.post(URL + query, {**filled(page(client, query)), **changes})


def test_without_a_worker_the_page_teaches(ada: Client):
    assert "No worker has said yet what it can run" in page(ada)


def test_viewers_are_told_that_they_cannot_submit(worker, client: Client):
    make_workspace("lab", eve=Role.VIEWER)
    client.force_login(make_user("eve"))

    assert "There is no project to submit to" in page(client)


def test_the_project_of_the_last_job_is_chosen_not_that_of_a_script(ada: Client, worker):
    mine, others, scripts = (make_project(slug=name) for name in ("mine", "others", "scripts"))
    make_run(scripts)
    chosen = [filled(page(ada))["project"]]
    for project, user in ((mine, "bob"), (mine, "ada"), (others, "bob")):
        make_job(make_run(project), submitted_by=make_user(user))
        chosen.append(filled(page(ada))["project"])
    make_run(scripts)

    assert chosen == ["lab/scripts", "lab/mine", "lab/mine", "lab/mine"]
    Job.objects.filter(submitted_by__username="ada").update(submitted_by=None)
    assert filled(page(ada))["project"] == "lab/others"


def test_the_form_is_drawn_from_the_schema(ada: Client, worker):
    text = page(ada)

    for words in (
        "Inner learning rate",
        "Meta-steps",
        "Hidden layers",
        "Test episodes",
        "Shot (K)",
    ):
        assert words in text
    assert 'name="spec.inner.lr" value="0.01"' in text
    assert "Sinusoid, 10 shots, as in the paper" in text
    assert 'name="spec.seed"' not in text


def test_each_algorithm_has_its_own_fields(ada: Client, worker):
    text = page(ada, "?algorithm=pretrained")

    assert 'name="spec.fine_tuning.step_sizes" value="0.001, 0.002' in text
    assert 'name="spec.inner.lr"' not in text


MODULE = "?algorithm=maml&preset=&spec.network.kind=module"


@pytest.fixture
def permitting_worker(ada: Client, monkeypatch: pytest.MonkeyPatch):
    """A worker that permits networks of one package of its users."""
    monkeypatch.setenv("METASCOPE_NETWORK_PACKAGES", "mypkg")
    return make_worker(trainers=trainers())


def test_a_network_of_ones_own_is_submitted_with_its_options(ada: Client, permitting_worker):
    answer = send(
        ada, MODULE,
        **{"spec.network.path": "mypkg.nets:MyNet", "spec.network.options": '{"width": 64}'},
    )  # fmt: skip

    assert answer.status_code == 302
    job = Job.objects.get()
    assert job.spec["network"] == {
        "kind": "module", "path": "mypkg.nets:MyNet", "options": {"width": 64},
    }  # fmt: skip
    copy = page(ada, f"?from={job.run_id}")
    assert 'name="spec.network.options" value="{"width": 64}"' in copy


@pytest.mark.parametrize(
    ("path", "options", "told"),
    [
        ("os:system", "{}", 'id="f-network-path-e"'),
        ("", "{}", 'id="f-network-path-e"'),
        ("mypkg.nets:MyNet", "width=3", 'id="f-network-options-e"'),
        ("mypkg.nets:MyNet", '{"width": [3]}', "network.options.width"),
    ],
)
def test_a_network_that_is_not_permitted_is_named(
    ada: Client, permitting_worker, path: str, options: str, told: str
):
    answer = send(ada, MODULE, **{"spec.network.path": path, "spec.network.options": options})

    assert answer.status_code == 400
    assert told in answer.content.decode()
    assert not Job.objects.exists()


def test_a_preset_fills_the_form(ada: Client, worker):
    text = page(ada, "?algorithm=maml&preset=maml-omniglot-5-way-1-shot")

    assert 'name="spec.inner.lr" value="0.4"' in text
    assert 'name="spec.episodes.way" value="5"' in text
    assert 'name="spec.network.filters" value="64"' in text
    assert "None: this repeats Omniglot, 5-way 1-shot, as in the paper." in text


def test_a_source_without_a_preset_borrows_network_and_episodes(ada: Client, worker):
    text = page(ada, "?algorithm=reptile&source=omniglot")

    assert 'name="spec.network.filters"' in text
    assert "Episodes and network as in MAML" in text


def test_the_address_fills_fields_and_marks_the_change(ada: Client, worker):
    text = page(ada, "?spec.outer.lr=0.5&spec.network.kind=conv4")

    assert 'name="spec.outer.lr" value="0.5"' in text
    assert "was 0.001" in text
    assert "<code>outer.lr</code>" in text
    assert 'name="spec.network.filters"' in text


def offered(text: str, place: str) -> list[str]:
    group = re.search(rf'<span class="seg" role="group" id="{place}".*?</span>', text)[0]
    return re.findall(r">([^<]+)</a>", group)


@pytest.mark.parametrize(
    ("query", "networks"),
    [
        ("?algorithm=maml", ["mlp", "module"]),
        ("?algorithm=maml&source=omniglot", ["mlp", "conv4", "module"]),
        ("?algorithm=reptile&source=omniglot", ["mlp", "conv4", "module"]),
        (
            "?algorithm=maml&spec.network.kind=conv4",
            ["mlp", "conv4", "module"],
        ),  # asked for: told when sent
    ],
)
def test_networks_are_offered_that_fit_the_episodes(ada: Client, worker, query: str, networks):
    assert offered(page(ada, query), "f-network-kind") == networks


def test_one_seed_makes_one_run_and_opens_it(ada: Client, worker):
    answer = send(ada, notes="It learns.", tags="first, demo")

    run = Run.objects.get()
    assert answer.status_code == 302
    assert answer["Location"] == f"/runs/{run.pk}/"
    assert run.job.spec["outer"]["steps"] == 5000
    assert (run.seed, run.notes, run.status) == (0, "It learns.", "queued")
    assert sorted(row.name for row in run.tag_rows.all()) == ["demo", "first"]


def test_several_seeds_make_several_runs_and_open_their_table(ada: Client, worker):
    answer = send(ada, seeds="0-2", name='a "name"', priority="10")

    assert [job.run.seed for job in Job.objects.order_by("run__seed")] == [0, 1, 2]
    assert set(Job.objects.values_list("priority", flat=True)) == {10}
    assert answer["Location"].startswith("/p/lab/sinusoid/?q=group+%3D+")
    listed = ada.get(answer["Location"]).content.decode()
    assert all(f"{unescape('a &quot;name&quot;')}-s{i}" in unescape(listed) for i in range(3))


def test_sending_twice_submits_once(ada: Client, worker):
    sent = filled(page(ada))

    first, second = ada.post(URL, sent), ada.post(URL, sent)

    assert Job.objects.count() == 1
    assert first["Location"] == second["Location"]


def test_the_same_form_with_another_content_is_another_submission(ada: Client, worker):
    sent = filled(page(ada))

    ada.post(URL, sent)
    ada.post(URL, {**sent, "spec.outer.steps": "10"})

    assert Job.objects.count() == 2


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("spec.outer.lr", "-1", "too small"),
        ("spec.outer.lr", "fast", "Expected a number"),
        ("spec.outer.lr", "", "Expected a number"),
        ("spec.outer.lr", "nan", "Expected a number"),
        ("spec.outer.steps", "1e12", "too large"),
        ("spec.outer.steps", "2.5", "Expected a whole number"),
        ("spec.network.hidden", "40, x", "Entry 2: Expected a whole number"),
        ("spec.outer.optimizer", "magic", "none of"),
        ("seeds", "5-1", "counts down"),
        ("seeds", "one", "is no seed"),
        ("queue", "No such queue!", "lower-case"),
        ("project", "lab/nowhere", "Choose one of your projects."),
    ],
)
def test_errors_stand_at_their_field_and_nothing_is_queued(
    ada: Client, worker, name: str, value: str, sentence: str
):
    answer = send(ada, **{name: value})

    text = unescape(answer.content.decode())
    assert answer.status_code == 400
    assert "Nothing was queued." in text
    assert sentence in text
    assert 'aria-invalid="true"' in text
    assert Job.objects.count() == 0
    assert IdempotencyRecord.objects.count() == 0
    if name.startswith("spec.") and name != "spec.outer.optimizer":
        assert f'name="{name}" value="{value}"' in text


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"network": {"kind": "conv4"}}, "spec.network.kind"),
        ({"outer": {"optimizer": "adm"}}, "spec.outer.optimizer"),
        (
            {"episodes": {"source": "sinusoid", "amplitude_low": "9.5"}},
            "spec.episodes.amplitude_low",
        ),
        ({"network": {"kind": "mlp", "hidden": "0"}}, "spec.network.hidden"),
        ({"algorithm": "mamml"}, "spec.algorithm"),
        ({"episodes": {"source": "sinusiod"}}, "spec.episodes.source"),
        ({"network": {"kind": "conv"}}, "spec.network.kind"),
    ],
)
def test_the_form_and_the_api_name_the_same_field(ada: Client, worker, spec, path: str):
    sent = {"project": "lab/sinusoid", "spec": {"algorithm": "maml", **_as_json(spec)}}
    by_api = ada.post("/api/v1/jobs/", json.dumps(sent), content_type="application/json")

    text = unescape(ada.post(URL, {**filled(page(ada)), **_flat(spec)}).content.decode())

    (named,) = by_api.json()["error"]["fields"]
    assert named.partition("[")[0] == path
    place = f"f-{path.removeprefix('spec.').replace('.', '-')}"
    field = re.search(rf'<(?:input|select|nav|span)[^>]* id="{place}"[^>]*>', text)[0]
    described = re.search(r'aria-describedby="([^"]*)"', field)[1].split()
    assert f"{place}-e" in described
    assert re.search(rf'id="{place}-e">[^<]+<', text)
    assert f'href="#{place}"' in text


def _as_json(spec):
    """Numbers typed into a form, as an API client would send them."""
    text = json.dumps(spec).replace('"9.5"', "9.5").replace('"0"', "[0]")
    return json.loads(text)


def _flat(spec) -> dict[str, str]:
    found = {}
    for key, value in spec.items():
        inner = value if isinstance(value, dict) else {}
        found |= {f"spec.{key}.{name}": text for name, text in inner.items()}
        if not inner:
            found[key] = value
    return found


@pytest.mark.parametrize(
    ("query", "place", "sentence"),
    [
        ("?algorithm=reptil", "algorithm", "Did you mean 'reptile'?"),
        ("?source=omniglott", "episodes-source", "Did you mean 'omniglot'?"),
        ("?algorithm=oracle&source=omniglot", "episodes-source", "choose one of sinusoid."),
        ("?preset=maml-omniglot", "preset", "Did you mean 'maml-omniglot-5-way-1-shot'?"),
        ("?source=sinusoid&preset=maml-omniglot-5-way-1-shot", "preset", "is for omniglot"),
        ("?spec.network.kind=conv5", "network-kind", "Did you mean 'conv4'?"),
        ("?priority=11", "priority", "'11' is no priority: choose a whole number from -10 to 10."),
        ("?priority=soon", "priority", "'soon' is no priority"),
        ("?project=lab/nowhere", "project", "'lab/nowhere' is no project of yours."),
    ],
)
def test_an_address_that_asks_for_unknown_names_says_what_there_is(
    ada: Client, worker, query: str, place: str, sentence: str
):
    answer = ada.get(URL + query)

    text = unescape(answer.content.decode())
    assert answer.status_code == 400
    assert "The address asks for what is not here." in text
    message = re.search(rf'id="f-{place}-[eh]">([^<]+)<', text)[1]
    assert sentence in message


def test_a_priority_between_those_offered_is_kept(ada: Client, worker):
    assert filled(page(ada, "?priority=7"))["priority"] == "7"

    send(ada, "?priority=7")

    assert Job.objects.get().priority == 7


def test_a_project_of_another_workspace_in_the_address_is_refused_by_its_name(ada: Client, worker):
    make_project(make_workspace("elsewhere"), "secret")
    make_project(make_workspace("public", ada=Role.VIEWER), "open")

    foreign, viewed = (
        ada.get(f"{URL}?project={one}") for one in ("elsewhere/secret", "public/open")
    )

    texts = [unescape(answer.content.decode()) for answer in (foreign, viewed)]
    assert (foreign.status_code, viewed.status_code) == (400, 403)
    assert "'elsewhere/secret' is no project of yours." in texts[0]
    assert re.search(r'id="f-project-e">This needs the role member', texts[1])
    assert [filled(text)["project"] for text in texts] == ["lab/sinusoid"] * 2


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("?algorithm=reptile", {"algorithm": "reptile", "source": "sinusoid"}),
        ("?source=omniglot", {"algorithm": "maml", "source": "omniglot"}),
        ("?preset=", {"algorithm": "maml", "preset": ""}),
    ],
)
def test_the_address_of_a_refused_form_names_what_it_was(ada: Client, worker, query: str, named):
    text = page(ada, query)
    there = re.search(r'id="job" method="post" action="([^"]+)"', text)[1]

    answer = ada.post(there, {**filled(text), "spec.outer.lr": "-1"})
    again = page(ada, there.removeprefix(URL))

    assert answer.status_code == 400
    asked = dict(parse_qsl(urlsplit(there).query, keep_blank_values=True))
    assert named.items() <= asked.items()
    changing = {"key", "csrfmiddlewaretoken"}
    before, after = filled(text), filled(again)
    assert {name for name in {*before, *after} if before.get(name) != after.get(name)} <= changing


def test_a_sent_form_is_never_taken_for_another_algorithm(ada: Client, worker):
    answer = send(ada, algorithm="mamml")

    assert answer.status_code == 400
    assert "Did you mean 'maml'?" in unescape(answer.content.decode())
    assert Job.objects.count() == 0


def test_algorithms_are_offered_as_announced_the_one_to_try_first_in_front(ada: Client, worker):
    titles = re.findall(r"<b>([^<]+) <small>", page(ada))

    assert titles[:3] == ["MAML", "First-order MAML", "Reptile"]
    assert {"Oracle", "Hand-made optimizer"} < set(titles[3:])


def test_cards_of_algorithms_that_cannot_learn_from_the_episodes_start_from_their_own(
    ada: Client, worker
):
    text = page(ada, "?source=omniglot")

    assert 'href="/jobs/new/?algorithm=reptile&source=omniglot"' in text
    assert 'href="/jobs/new/?algorithm=oracle"' in text


def test_a_refused_form_may_be_corrected_and_sent(ada: Client, worker):
    sent = filled(page(ada))
    ada.post(URL, {**sent, "spec.outer.lr": "-1"})

    answer = ada.post(URL, sent)

    assert answer.status_code == 302
    assert Job.objects.count() == 1


def test_missing_data_says_what_to_download(ada: Client):
    make_worker(distributions=announced_distributions(omniglot=False))

    text = page(ada, "?source=omniglot")
    answer = send(ada, "?source=omniglot")

    assert OMNIGLOT_MISSING in text
    assert answer.status_code == 400
    assert OMNIGLOT_MISSING in unescape(answer.content.decode())


def test_an_omitted_check_box_is_false(ada: Client, worker):
    send(ada, "?preset=maml-omniglot-5-way-1-shot", **{"spec.episodes.rotations": "false"})

    assert Job.objects.get().spec["episodes"]["rotations"] is False


def test_clone_and_edit_starts_from_the_run(ada: Client, worker):
    spec = {
        "algorithm": "reptile",
        "episodes": {"source": "sinusoid", "shot": 5},
        "inner": {"lr": 0.03},
    }
    run = make_job(make_run(name="old", params=spec, seed=7, tags=["x"]), spec=spec).run

    text = page(ada, f"?from={run.pk}")
    send(ada, f"?from={run.pk}")

    assert 'name="spec.inner.lr" value="0.03"' in text
    assert 'name="seeds" value="7"' in text
    assert "None: this repeats run old." in text
    copy = Job.objects.exclude(run=run).get()
    assert copy.spec["inner"]["lr"] == 0.03
    assert copy.spec["episodes"]["shot"] == 5
    assert copy.run.seed == 7


def test_runs_of_others_cannot_be_cloned(ada: Client, worker):
    foreign = make_run(make_project(make_workspace("elsewhere"), "secret"))

    assert ada.get(f"{URL}?from={foreign.pk}").status_code == 404


def test_viewers_of_a_workspace_cannot_post_to_it(ada: Client, worker):
    make_project(make_workspace("public", ada=Role.VIEWER), "open")

    assert '<option value="public/open"' not in page(ada)
    assert send(ada, project="public/open").status_code == 403
    assert Job.objects.count() == 0


def test_the_request_shown_does_what_the_button_does(ada: Client, worker):
    changes = {"notes": "It's 5 o'clock", "seeds": "3", "tags": "a, b", "spec.inner.lr": "1e-3"}
    query = "&".join(f"{key}={value}" for key, value in changes.items()).replace(" ", "%20")
    text = page(ada, f"?{query}")
    shown = re.search(r"data-copy-source>(.*?)</pre>", text, re.S)[1]
    words = shlex.split(shown.replace("\\\n", " "))
    body = words[words.index("-d") + 1]
    key = next(word for word in words if word.startswith("Idempotency-Key: "))

    send(ada, f"?{query}")
    answer = ada.post(
        "/api/v1/jobs/",
        body,
        content_type="application/json",
        headers={"Idempotency-Key": key.removeprefix("Idempotency-Key: ")},
    )

    assert answer.status_code == 201, answer.content
    by_form, by_api = Job.objects.order_by("pk")
    assert by_form.spec == by_api.spec
    for field in ("queue", "priority", "max_attempts", "trainer"):
        assert getattr(by_form, field) == getattr(by_api, field)
    for field in ("name", "seed", "notes", "project_id", "params"):
        assert getattr(by_form.run, field) == getattr(by_api.run, field)
    assert json.loads(body)["tags"] == ["a", "b"]


def test_a_project_in_the_trash_is_not_offered(ada: Client, worker):
    gone = make_project(slug="gone-to-the-trash")
    assert "gone-to-the-trash" in page(ada)

    lifecycle.trash_project(gone)

    form = page(ada)
    assert "lab/gone-to-the-trash" not in form
    assert "lab/sinusoid" in form
