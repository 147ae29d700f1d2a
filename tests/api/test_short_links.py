"""Short links: what may be shortened, who is led where, and that a link opens nothing."""

import pytest
from django.test import Client

from experiments import short_links
from experiments.errors import Conflict
from experiments.models import Role, ShortLink
from tests import factories
from tests.api.conftest import error_of

LINKS = "/api/v1/links/"


def shortened(client, address: str):
    return client.post(LINKS, {"address": address}, format="json")


def test_equal_states_share_one_link_whoever_asks(lab):
    address = "/compare/?runs=lab/sinusoid:1-40,57&smooth=0.6#curves"

    first, second = shortened(lab.member, address), shortened(lab.viewer, address)
    other = shortened(lab.member, address.replace("0.6", "0.7"))

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json() == lab.stranger.get(f"{LINKS}{first.json()['id']}/").json()
    assert first.json()["address"] == address
    assert other.json()["id"] != first.json()["id"]
    assert len(first.json()["id"]) == 12


def test_a_link_leads_to_exactly_that_state(lab, client: Client):
    address = "/p/lab/sinusoid/?q=params.lr%20%3D%201&col=metrics.loss%28min%29&selected=a,b"
    link = shortened(lab.member, address).json()
    client.force_login(factories.make_user("ada"))

    answer = client.get(link["url"].removeprefix("http://testserver"))

    assert (answer.status_code, answer["Location"]) == (302, address)
    assert client.get(address).status_code == 200


def test_who_may_not_see_the_page_gets_nothing_by_its_link(lab, client: Client):
    link = shortened(lab.member, "/p/lab/sinusoid/?sort=name").json()["id"]

    assert client.get(f"/s/{link}/")["Location"] == f"/sign-in/?next=/s/{link}/"
    client.force_login(factories.make_user("sam"))
    assert client.get(f"/s/{link}/", follow=True).status_code == 404


@pytest.mark.parametrize("rubbish", ["x", "AAAAAAAAAAAA", "-", "_" * 300])
def test_an_id_of_no_link_is_not_found(lab, client: Client, rubbish):
    client.force_login(factories.make_user("ada"))

    assert client.get(f"/s/{rubbish}/").status_code == 404
    assert lab.member.get(f"{LINKS}{rubbish}/").status_code == 404


@pytest.mark.parametrize("address", [
    "", "/", "compare/?runs=a", "//evil.example/", "https://evil.example/runs/",
    "/\\\\evil.example",
    "/p//evil.example/", "/sign-in/secret/", "/shared/secret/", "/api/v1/runs/", "/s/abc/",
    "/runs/../sign-in/x/", "/runs/?q=a b", "/runs/?q=é", "/runs/?q=\r\nX: y", "/runs/?q=\u0000",
    "javascript:alert(1)", "/runs/?" + "x" * 8000,
])  # fmt: skip
def test_what_is_no_page_with_a_state_is_refused(lab, address):
    answer = shortened(lab.member, address)

    assert answer.status_code == 400
    assert "address" in error_of(answer)["fields"]
    assert not ShortLink.objects.exists()


def test_a_person_has_so_many_links_at_most(lab, monkeypatch):
    monkeypatch.setattr(short_links, "MOST", 1)
    user = factories.make_user("ada")
    short_links.shorten("/runs/?a=1", user=user)

    with pytest.raises(Conflict):
        short_links.shorten("/runs/?a=2", user=user)
    assert short_links.shorten("/runs/?a=1", user=user)[1] is False


def test_the_page_answers_with_the_same_link(lab, client: Client):
    factories.make_workspace("lab", ada=Role.MEMBER)
    client.force_login(factories.make_user("ada"))
    address = "/compare/?runs=a,b"

    url = client.post("/s/", {"address": address}).json()["url"]

    assert url == shortened(lab.member, address).json()["url"]
    refused = client.post("/s/", {"address": "//x"}, headers={"accept": "application/json"})
    assert refused.status_code == 400
