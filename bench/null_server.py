"""A server that answers MLflow's clients at once and keeps nothing: the bound for any server.

What a client takes against it is the client's own.
"""

import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from instance import started

SERVER = r"""
import json, socket, sys, threading
ID = "0" * 32
INFO = {"run_id": ID, "run_uuid": ID, "run_name": "null", "experiment_id": "1", "status": "RUNNING",
        "start_time": 1, "artifact_uri": "mlflow-artifacts:/null", "lifecycle_stage": "active"}
EXPERIMENT = {"experiment_id": "1", "name": "bench", "artifact_location": "mlflow-artifacts:/1",
              "lifecycle_stage": "active"}
KNOWN = {"get-by-name": {"experiment": EXPERIMENT}, "create": {"run": {"info": INFO, "data": {}}},
         "get": {"run": {"info": INFO, "data": {}}}, "update": {"run_info": INFO}}
def answer(connection):
    stream = connection.makefile("rb")
    while line := stream.readline():
        length = 0
        while (header := stream.readline()) != b"\r\n":
            name, _, value = header.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        stream.read(length)
        asked = line.split()[1].partition(b"?")[0].rpartition(b"/")[2].decode()
        body = json.dumps(KNOWN.get(asked, {})).encode()
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                           b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
server = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=64)
while True:
    connection, _ = server.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    threading.Thread(target=answer, args=(connection,), daemon=True).start()
"""


@contextmanager
def serve(folder: Path) -> Iterator[tuple[str, int]]:
    """Its address and pid; `folder` is where its log goes."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    with (
        (folder / "null.log").open("wb") as log,
        started([sys.executable, "-c", SERVER, str(port)], stderr=log) as process,
    ):
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, "the null server did not start"
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}", process.pid
