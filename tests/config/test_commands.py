"""create_token, sign_in_link and queue_demo: what an operator types beside `./run`."""

import os
import subprocess
import sys
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from config import data_folder
from experiments import access
from experiments.models import ApiToken, Job, Membership, Role, User, Workspace
from tests import database
from tests.factories import make_user, make_worker, make_workspace

pytestmark = pytest.mark.django_db


def output_of(*arguments: str) -> list[str]:
    written = StringIO()
    call_command(*arguments, stdout=written)
    return written.getvalue().splitlines()


def test_token_stands_alone_on_the_last_line_and_opens_the_account():
    lines = output_of(
        "create_token",
        "ada",
        "--new-user",
        "Ada Lovelace",
        "--workspace",
        "lab",
        "--role",
        "member",
    )

    user, _ = access.user_for_token(lines[-1])
    assert user.get_full_name() == "Ada Lovelace"
    assert access.role_in(user, Workspace.objects.get(slug="lab")) == Role.MEMBER


def test_new_workspace_has_an_admin_besides_its_first_member():
    output_of("create_token", "ada", "--new-user", "Ada", "--workspace", "lab")

    roles = dict(Membership.objects.values_list("user__username", "role"))
    assert roles["admin"] == Role.ADMIN
    assert roles["ada"] == Role.MEMBER


def test_existing_user_gets_one_more_token_and_keeps_the_role():
    make_workspace("lab", ada=Role.VIEWER)

    output_of("create_token", "ada", "--workspace", "lab")

    assert ApiToken.objects.get().user.username == "ada"
    assert Membership.objects.get().role == Role.VIEWER


def test_role_option_changes_the_role():
    make_workspace("lab", ada=Role.VIEWER, bob=Role.ADMIN)

    output_of("create_token", "ada", "--workspace", "lab", "--role", "admin")

    assert Membership.objects.get(user__username="ada").role == Role.ADMIN


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["bob"], "add --new-user"),
        (["ada"], "is in no workspace"),
        (["ada", "--new-user", "Ada"], "leave out --new-user"),
        (["ada", "--role", "admin"], "--role needs --workspace"),
        (["b b", "--new-user", "Bob", "--workspace", "lab"], "is no user name"),
        (["bob", "--new-user", "Bob", "--workspace", "no slug"], "is no workspace slug"),
    ],
)
def test_refusals_say_what_to_do_and_leave_nothing_behind(arguments, sentence):
    make_user("ada")

    with pytest.raises(CommandError, match=sentence):
        output_of("create_token", *arguments)

    assert not ApiToken.objects.exists()
    assert [user.username for user in User.objects.all()] == ["ada"]


def test_deactivated_user_gets_no_token():
    make_workspace("lab", ada=Role.MEMBER)
    User.objects.update(is_active=False)

    with pytest.raises(CommandError, match="deactivated"):
        output_of("create_token", "ada")


def test_sign_in_link_signs_in_once():
    make_user("ada")

    (path,) = output_of("sign_in_link", "ada")

    secret = path.removeprefix("/sign-in/").rstrip("/")
    assert access.use_sign_in_link(secret).username == "ada"
    assert access.use_sign_in_link(secret) is None


def test_sign_in_link_of_an_unknown_user_is_refused():
    with pytest.raises(CommandError, match="no active user 'bob'"):
        output_of("sign_in_link", "bob")


def test_demonstration_is_queued_once():
    make_worker()

    first = output_of("queue_demo")
    second = output_of("queue_demo")

    jobs = Job.objects.order_by("run__number")
    assert [job.trainer for job in jobs] == ["maml", "pretrained", "random_init", "oracle"]
    assert first == second == ["/compare/?runs=" + ",".join(job.run_id for job in jobs)]


def test_demonstration_without_a_worker_says_how_to_start_one():
    with pytest.raises(CommandError, match=r"start Metascope with ./run"):
        output_of("queue_demo")


def beside(folder, *command, **variables):
    """A command in a process of its own, whose database is the file in `folder` unless named."""
    kept = {key: value for key, value in os.environ.items() if key != database.URL}
    return subprocess.run(
        [sys.executable, str(settings.BASE_DIR / "manage.py"), *command],
        env={**kept, "METASCOPE_DATA": str(folder), **variables}, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("command", [["create_token", "ada"], ["sign_in_link"], ["storage"]])
def test_a_database_without_tables_is_told_in_a_sentence(tmp_path, command):
    (tmp_path / "metascope.sqlite3").touch()

    done = beside(tmp_path, *command)

    assert done.returncode == 1
    assert "start ./run once" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [["create_token", "ada"], ["storage"], ["doctor"]])
def test_no_database_is_made_where_there_is_none(tmp_path, command):
    done = beside(tmp_path, *command)

    assert done.returncode == 1
    assert f"There is no database in {tmp_path}: start ./run once" in done.stderr + done.stdout
    assert "METASCOPE_DATABASE_URL" in done.stderr + done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["create_token", "storage", "doctor"])
def test_a_command_finds_the_database_that_the_last_start_was_told(tmp_path, command):
    data_folder.keep_database_url(tmp_path, "postgres://ada:secret@127.0.0.1:1/lab")

    done = beside(tmp_path, command, *(["ada"] if command == "create_token" else []))

    told = done.stderr + done.stdout
    assert done.returncode == 1
    assert "METASCOPE_DATABASE_URL" in told
    assert "Connection refused" in told
    assert "secret" not in told
    assert "Traceback" not in told
    assert (tmp_path / "database_url").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("told", ["365", ""])
def test_garbage_goes_by_the_days_that_the_last_start_was_told(tmp_path, told):
    data_folder.keep_trash_days(tmp_path, "7")
    data_folder.keep_trash_days(tmp_path, told)
    assert beside(tmp_path, "migrate", "--verbosity", "0").returncode == 0

    done = beside(tmp_path, "collect_garbage", "--dry-run")

    assert done.returncode == 0, done.stderr
    assert f"runs that were in the trash for {told or 30} days" in done.stdout


def test_a_start_without_a_server_forgets_the_former_one(tmp_path):
    data_folder.keep_database_url(tmp_path, "postgres://ada@127.0.0.1:1/lab")

    data_folder.keep_database_url(tmp_path, "")

    assert "There is no database" in beside(tmp_path, "storage").stderr
