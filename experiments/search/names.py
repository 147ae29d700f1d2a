"""The different keys and tags of a project: one step along an index for each, however many rows
have it. DISTINCT would read them all.
"""

from typing import Any

from django.db import connection

from experiments.models import Param, Project, RunTag, Series

Named = type[Param] | type[RunTag] | type[Series]

_WALK = """
WITH RECURSIVE found(name) AS (
    SELECT min({column}) FROM {table} WHERE project_id = %s
    UNION ALL
    SELECT (SELECT min({column}) FROM {table} WHERE project_id = %s AND {column} > found.name)
    FROM found WHERE found.name IS NOT NULL
)
"""
_NAMES = f"{_WALK} SELECT name FROM found WHERE name IS NOT NULL"
_ROWS = f"""{_WALK}
SELECT (SELECT id FROM {{table}} WHERE project_id = %s AND {{column}} = found.name LIMIT 1)
FROM found WHERE name IS NOT NULL LIMIT %s
"""


def names_of(model: Named, column: str, project: Project) -> tuple[str, ...]:
    """All of them, sorted."""
    return tuple(sorted(name for (name,) in _walked(_NAMES, model, column, [project.pk] * 2)))


def row_of_each(model: Named, column: str, project: Project, *, limit: int) -> list[int]:
    """The id of some row for each name, of `limit` names at most."""
    found = _walked(_ROWS, model, column, [*[project.pk] * 3, limit])
    return [row_id for (row_id,) in found if row_id is not None]


def _walked(sql: str, model: Named, column: str, params: list[int]) -> list[tuple[Any]]:
    quote = connection.ops.quote_name
    named = sql.format(column=quote(column), table=quote(model._meta.db_table))
    with connection.cursor() as cursor:
        cursor.execute(named, params)
        rows: list[tuple[Any]] = cursor.fetchall()
    return rows
