"""Makes a data folder ready to serve: database, static files, first user, sign-in link.

`./run` starts this as a process of its own and reads one JSON object from its output:
{"refusal": sentence} or {"sign_in": "/sign-in/...", "notes": [...]}.
"""

import argparse
import json
import os
import sys

import django

from config.refusal import StartRefused, is_full, no_room


def prepare(*, sign_in_link: bool) -> dict[str, object]:
    """Everything a start needs from Django; quick when there is nothing to do.

    `sign_in_link`: only this machine can reach the server, so a link may be printed; otherwise
    somebody must have a password. Raises StartRefused.
    """
    from django.conf import settings  # needs the environment that main() checks

    from config import database, static
    from experiments import access

    notes = []
    if database.bring_up_to_date():
        notes.append("The database is up to date.")
    notes += _notes_on_the_bucket()
    if settings.STATIC_ROOT and static.collect(settings.STATIC_ROOT):
        notes.append("Static files are compressed.")
    user = access.ensure_first_user()
    if not sign_in_link:
        require_a_password()
        return {"sign_in": "/sign-in/", "notes": notes}
    return {"sign_in": f"/sign-in/{access.create_sign_in_link(user=user)}/", "notes": notes}


def _notes_on_the_bucket() -> list[str]:
    """One when files lie in a bucket that cannot be used now. No reason not to start: metrics,
    params and pages do without it."""
    from django.core.files.storage import storages

    from experiments.errors import Unavailable

    check = getattr(storages["blobs"], "check", None)
    if check is None:
        return []
    try:
        check()
    except Unavailable:
        return [
            "The bucket of METASCOPE_BLOBS cannot be reached, or refuses: files are not taken "
            "until it does. `manage.py doctor` says more."
        ]
    return []


def require_a_password() -> None:
    """Raises StartRefused unless somebody can sign in without a link."""
    from experiments.models import User  # models exist only after django.setup()

    if not any(user.has_usable_password() for user in User.objects.filter(is_active=True)):
        raise StartRefused(
            "other machines can reach this address and nobody has a password yet: run "
            "`.venv/bin/python manage.py changepassword admin`, then start again."
        )


def main(arguments: list[str]) -> int:
    """Prints the result for the supervisor; 1 for a refusal."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sign-in-link", action="store_true")
    given = parser.parse_args(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        django.setup()
        answer = prepare(sign_in_link=given.sign_in_link)
    except StartRefused as refusal:
        answer = {"refusal": str(refusal)}
    except OSError as error:
        if not is_full(error):
            raise
        answer = {"refusal": str(no_room(error.filename or "the data folder"))}
    print(json.dumps(answer))
    return 1 if "refusal" in answer else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
