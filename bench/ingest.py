"""Taking points: ours through its REST view against one SQL row per point, in the same run.

    .venv/bin/python bench/ingest.py [--batches 30]

A batch is 10 series of 1,000 points as JSON. Ours: the whole request in this process, from the
body's bytes through token, role, validation, journal, summaries and commit to the answer. Rows:
the same body parsed by the standard library, one INSERT per point, one commit per batch. Both
commit with synchronous=FULL.
"""

import argparse
import json
import time

import numpy as np
from instance import instance, row_database

SERIES, STEPS = 10, 1_000


def bodies(batches: int) -> list[bytes]:
    """Consecutive batches of one client."""
    noise = np.random.default_rng(0)
    return [
        json.dumps(
            {
                "client": "bench",
                "number": number,
                "series": [
                    {
                        "key": f"train/metric_{key}",
                        "steps": list(range(number * STEPS, (number + 1) * STEPS)),
                        "times": (1.8e9 + number + np.arange(STEPS) / STEPS).tolist(),
                        "values": noise.normal(size=STEPS).tolist(),
                    }
                    for key in range(SERIES)
                ],
            }
        ).encode()
        for number in range(batches)
    ]


def send_rows(rows, body: bytes) -> None:
    rows.execute("BEGIN")
    for one in json.loads(body)["series"]:
        columns = zip(one["steps"], one["times"], one["values"], strict=True)
        rows.executemany(
            "INSERT INTO point VALUES (1, ?, ?, ?, ?)", ([one["key"], *point] for point in columns)
        )
    rows.execute("COMMIT")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=30)
    asked = parser.parse_args()
    with instance() as data:
        from django.test import Client

        from experiments import access
        from experiments.models import Role
        from tests import factories

        run = factories.make_run()
        factories.make_workspace("lab", ada=Role.MEMBER)
        _, token = access.create_token(user=factories.make_user("ada"), name="bench")
        client = Client(headers={"Authorization": f"Bearer {token}", "Host": "127.0.0.1"})
        rows = row_database(data / "rows.sqlite3")
        spent = {"metascope": 0.0, "rows": 0.0}
        for body in bodies(asked.batches):  # turn and turn about: both meet the same machine
            start = time.process_time()
            url = f"/api/v1/runs/{run.id}/metrics/"
            answer = client.post(url, body, content_type="application/json")
            assert answer.status_code == 200, answer.content
            spent["metascope"] += time.process_time() - start
            start = time.process_time()
            send_rows(rows, body)
            spent["rows"] += time.process_time() - start
        points = asked.batches * SERIES * STEPS
        for name, seconds in spent.items():
            print(f"{name:10} {points / seconds:12,.0f} points per CPU second")
        print(f"ratio      {spent['rows'] / spent['metascope']:12.1f} times as many")


if __name__ == "__main__":
    main()
