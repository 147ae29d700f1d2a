"""Comments on runs and on points of their curves, and the members they mention."""

import re

from django.db import transaction
from django.db.models import Q

from experiments import access, audit, inbox
from experiments.errors import Conflict, Denied
from experiments.models import Comment, Role, Run, Series, User
from experiments.models.audit import Action
from experiments.problems import Problems

LONGEST = 10_000
MOST = 2_000  # of a run
MOST_MENTIONED = 50
LEAST_STEP, MOST_STEP = -(2**63), 2**63 - 1
# "@" at the start of a word: not of an address.
_MENTION = re.compile(r"(?<![\w@.+-])@([\w.@+-]{1,150})")


@transaction.atomic
def comment(
    run: Run, *, user: User, text: str, metric: str = "", step: int | None = None
) -> Comment:
    """Adds a comment, and tells the members of the project whom it mentions as @name.

    With a metric of the run it is about its curve, with a step about that point. Raises Invalid,
    Conflict where the run has too many.
    """
    problems = Problems()
    text = problems.text("text", text.replace("\r\n", "\n"), least=1, most=LONGEST, lines=True)
    if metric and not Series.objects.filter(run=run, key=metric[:250]).exists():
        problems.add("metric", f"The run has logged no {metric[:60]!r}.")
    if step is not None and not metric:
        problems.add("metric", "Name the metric at whose step it is.")
    if step is not None and not LEAST_STEP <= step <= MOST_STEP:
        problems.add("step", "Use a whole number of 64 bits.")
    problems.check()
    if run.comments.count() >= MOST:
        raise Conflict(f"The run has {MOST:,} comments: remove one first.", code="too_many")
    made = Comment.objects.create(run=run, metric=metric, step=step, text=text, author=user)
    made.refresh_from_db(fields=["created_at"])
    inbox.mention(made, mentioned(text, run, but=user))
    return made


def mentioned(text: str, run: Run, *, but: User) -> list[User]:
    """The users who may see the run and whom a text names as @login, each once."""
    # A name may end a sentence: "@ada." is ada, unless there is an "ada.".
    names: set[str] = set()
    for name in dict.fromkeys(_MENTION.findall(text)):
        names |= {name, name.rstrip(".+-")}
        if len(names) > 2 * MOST_MENTIONED:
            break
    wanted = Q(username__in=names)
    users = User.objects.filter(wanted, is_active=True, workspaces=run.project.workspace_id)
    found = [user for user in users if access.role_in(user, run.project) is not None]
    return [user for user in found if user.pk != but.pk][:MOST_MENTIONED]


@transaction.atomic
def remove(comment: Comment, *, user: User, role: Role) -> None:
    """Removes a comment, with what tells of it. Raises Denied unless `may_remove`."""
    if not may_remove(comment, user, role):
        raise Denied("Only who wrote a comment, and admins, remove it.")
    if comment.author_id != user.pk:
        by = comment.author.username if comment.author else ""
        audit.record(
            Action.COMMENT_REMOVED, comment.run.name, place=comment.run.project, by=by,
            run=comment.run_id,
        )  # fmt: skip
    comment.delete()


def may_remove(comment: Comment, user: User, role: Role | None) -> bool:
    """Whether a user of this role in the project may remove the comment."""
    if role is None:
        return False
    return role == Role.ADMIN or comment.author_id == user.pk
