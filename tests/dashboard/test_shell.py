"""The frame of every page, sign-in, and who gets to see what."""

import pytest
from django.test import Client

from experiments import access
from tests.factories import make_project, make_user, make_workspace

pytestmark = pytest.mark.django_db


def test_pages_send_strangers_to_sign_in(client: Client):
    answer = client.get("/")

    assert answer.status_code == 302
    assert answer["Location"] == "/sign-in/?next=/"


def test_scripts_of_strangers_get_401_and_the_address(client: Client):
    answer = client.get("/", headers={"HX-Request": "true"})

    assert answer.status_code == 401
    assert answer["HX-Redirect"] == "/sign-in/"
    assert answer.json()["error"]["code"] == "signed_out"


def test_a_link_signs_in_once(client: Client):
    secret = access.create_sign_in_link(user=make_user("ada"))

    assert client.get(f"/sign-in/{secret}/")["Location"] == "/"
    assert client.get("/").status_code == 200
    assert Client().get(f"/sign-in/{secret}/").status_code == 410


def test_prefetching_a_link_does_not_use_it_up(client: Client):
    secret = access.create_sign_in_link(user=make_user("ada"))

    assert client.get(f"/sign-in/{secret}/", headers={"Sec-Purpose": "prefetch"}).status_code == 204
    assert client.get(f"/sign-in/{secret}/").status_code == 302


def test_a_wrong_password_says_so_and_keeps_the_name(client: Client):
    make_user("ada", password="right horse")

    answer = client.post("/sign-in/", {"username": "ada", "password": "wrong"})

    assert answer.status_code == 200
    assert "Not signed in." in answer.content.decode()
    assert 'value="ada"' in answer.content.decode()


def test_signing_in_does_not_leave_the_site(client: Client):
    make_user("ada", password="right horse")

    answer = client.post(
        "/sign-in/",
        {"username": "ada", "password": "right horse", "next": "https://elsewhere.example/"},
    )

    assert answer["Location"] == "/"


def test_the_rail_lists_only_my_projects(client: Client):
    user = make_user("ada")
    make_project(make_workspace("lab", ada="viewer"), "mine")
    make_project(make_workspace("other", bob="admin"), "theirs")
    client.force_login(user)

    page = client.get("/").content.decode()

    assert "mine" in page
    assert "theirs" not in page


def test_the_palette_finds_projects_and_pages(client: Client):
    client.force_login(make_user("ada"))
    make_project(make_workspace("lab", ada="viewer"), "omniglot-5w1s")

    found = client.get("/palette/?q=omni").content.decode()

    assert "omniglot-5w1s" in found
    assert "/p/lab/omniglot-5w1s/" in found
    assert "Queue and workers" not in found
