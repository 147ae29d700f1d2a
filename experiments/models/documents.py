"""JSON that comes back as it was stored, on every database.

PostgreSQL's jsonb, which Django uses, keeps what a number is worth rather than how it was written:
1e22 becomes an integer, -0.0 loses its sign, keys change their order. A param that is sent again
would then be another one. Its type json keeps the text.
"""

import json
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

if TYPE_CHECKING:
    JSONField = models.JSONField[Any, Any]
else:
    JSONField = models.JSONField  # generic to the type checker alone


class DocumentField(JSONField):
    """A JSON value. It can be read by key; on PostgreSQL it cannot be compared as a whole."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        return "json" if connection.vendor == "postgresql" else super().db_type(connection)

    def get_db_prep_value(
        self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False
    ) -> Any:
        if connection.vendor != "postgresql":
            return super().get_db_prep_value(value, connection, prepared)
        return json.dumps(value if prepared else self.get_prep_value(value))

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> Any:
        if connection.vendor == "postgresql":
            return value  # psycopg has read it
        return super().from_db_value(value, expression, connection)
