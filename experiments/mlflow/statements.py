"""The statements of single calls of a training script, written out: wording them through the ORM
takes longer than all else that such a call does. All belong into the caller's transaction.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection

from experiments.lifecycle.params import Leaf, write
from experiments.models import Run, RunTag

INDEXED = 500  # characters of a tag that its index keeps
_RUN, _TAG = (model._meta.db_table for model in (Run, RunTag))


def lock_run(run_id: str) -> tuple[int, bool] | None:
    """Locks a run that is written to; its project's id and whether it is deleted. None: no run."""
    locked = connection.ops.for_update_sql(no_key=True)
    if not connection.features.has_select_for_update:
        locked = ""  # SQLite: the transaction is the one writer
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT project_id, deleted_at FROM {_RUN} WHERE id = %s {locked}", [run_id]
        )
        row = cursor.fetchone()
    return None if row is None else (row[0], row[1] is not None)


_PLACE = f"SELECT project_id, deleted_at FROM {_RUN} WHERE id = %s"


def params_of(run_id: str) -> dict[str, Any]:
    """The params of a run, nested as they were sent."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT params FROM {_RUN} WHERE id = %s", [run_id])
        (found,) = cursor.fetchone()
    params: dict[str, Any] = json.loads(found) if isinstance(found, str) else found
    return params


def write_params(
    run_id: str, project_id: int, params: Mapping[str, Any], new: Sequence[Leaf]
) -> None:
    """Stores all params of a run; `new`: its leaves that have no row yet."""
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {_RUN} SET params = %s WHERE id = %s", [json.dumps(params), run_id])
    write(run_id, project_id, new)


def write_tags(run_id: str, project_id: int, tags: Mapping[str, str]) -> None:
    """Stores tags over what they were."""
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {_TAG} (run_id, project_id, name, value, text) "
            "VALUES (%s, %s, %s, %s, %s) ON CONFLICT (run_id, name) "
            "DO UPDATE SET value = excluded.value, text = excluded.text",
            [(run_id, project_id, key, value, value[:INDEXED]) for key, value in tags.items()],
        )
