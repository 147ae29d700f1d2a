"""The API request that does what the form's button does, as curl and as Python."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

APOSTROPHE = "\\u0027"  # JSON's escape: three of them would end the Python string


def curl(body: Mapping[str, Any], key: str) -> str:
    """A command for any POSIX shell. js/job-request.js writes the same text while one types."""
    headers = (
        '-H "Authorization: Bearer $METASCOPE_TOKEN"',
        f'-H "Idempotency-Key: {key}"',
        '-H "Content-Type: application/json"',
    )
    lines = ['curl -X POST "$METASCOPE_URL/api/v1/jobs/"', *headers]
    return " \\\n  ".join([*lines, f"-d {shlex.quote(_json(body))}"])


def python(body: Mapping[str, Any], key: str) -> str:
    """A script for Python with `requests`."""
    return f"""import json, os, requests

answer = requests.post(
    os.environ["METASCOPE_URL"] + "/api/v1/jobs/",
    headers={{
        "Authorization": "Bearer " + os.environ["METASCOPE_TOKEN"],
        "Idempotency-Key": "{key}",
    }},
    json=json.loads(r'''{_json(body).replace("'", APOSTROPHE)}'''),
)
answer.raise_for_status()
print([job["run"] for job in answer.json()["jobs"]])"""


def _json(body: Mapping[str, Any]) -> str:
    return json.dumps(body, indent=2, ensure_ascii=False)
