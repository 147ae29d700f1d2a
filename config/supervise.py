"""`./run`, once the packages are installed: brings an instance up and keeps it up."""

import errno
import http.client
import json
import os
import shlex
import socket
import sys
import time
from dataclasses import replace

from config import blob_store, broker, data_folder, env, options, plans
from config.options import ROOT, Options
from config.refusal import StartRefused, is_full, no_room
from config.supervisor import StopRequested, Supervisor, say

PATIENCE_S = 30.0  # after that, say what is not up yet
BROKER_START_S = 10.0
BROKER_TRIES = 3  # another program may take the port between our choice and the server's start


def main(arguments: list[str]) -> int:
    """The exit status: 0 after a requested stop, 1 with one sentence when it cannot start."""
    started = time.monotonic()
    os.umask(0o077)
    supervisor = Supervisor()
    try:
        _serve(supervisor, options.parse(arguments), started)
    except StopRequested:
        say("\nStopping; running jobs are saved and go on at the next start ...")
    except StartRefused as refusal:
        print(f"metascope: {refusal}", file=sys.stderr)
        return 1
    except OSError as error:
        if not is_full(error):
            raise
        print(f"metascope: {no_room(error.filename or 'the data folder')}", file=sys.stderr)
        return 1
    finally:
        supervisor.stop()
    say("Stopped.")
    return 0


def _serve(supervisor: Supervisor, chosen: Options, started: float) -> None:
    listener = listen(chosen)
    chosen = replace(chosen, port=listener.getsockname()[1])
    data_folder.prepare(chosen.data)
    lock = data_folder.lock(chosen.data)
    supervisor.start_guard(lock)
    data_folder.keep_secret_key(chosen.data)
    data_folder.keep_metrics_token(chosen.data)
    data_folder.keep_database_url(chosen.data, env.text("METASCOPE_DATABASE_URL"))
    data_folder.keep_trash_days(chosen.data, env.text("METASCOPE_TRASH_DAYS"))
    blob_store.keep(chosen.data)
    told = plans.environment(chosen, broker_url=_start_broker(supervisor, chosen))
    sign_in = _prepare(supervisor, chosen, told)
    supervisor.add(plans.worker(chosen, told))
    supervisor.add(plans.web(chosen, told, listener.fileno()))
    supervisor.add(plans.beat(chosen, told))
    _await_health(supervisor, chosen)
    say(f"Metascope is ready after {time.monotonic() - started:.1f} s; its data: {chosen.data}")
    say(f"Open {address(chosen)}{sign_in}")
    say("This link signs in once." if chosen.is_local else "Sign in with your password.")
    say(
        f"For scripts: metascope login {address(chosen)} with the token of: {token_command(chosen)}"
    )
    if chosen.demo:
        _queue_demo(supervisor, chosen, told)
    say("Ctrl-C stops it.")
    while True:
        supervisor.look()


def listen(chosen: Options) -> socket.socket:
    """The socket the web server will use, bound before anything is started.

    Raises StartRefused when the port is taken or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in chosen.host else socket.AF_INET
    try:
        return socket.create_server((chosen.host, chosen.port), family=family, backlog=512)
    except PermissionError as error:
        raise StartRefused(
            f"port {chosen.port} is reserved for the system: choose one above 1023 with --port."
        ) from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise StartRefused(
                f"port {chosen.port} is in use: stop the program that uses it, or choose another "
                "with --port."
            ) from error
        raise StartRefused(
            f"{chosen.host} is not an address of this machine: choose another with --host."
        ) from error


def address(chosen: Options) -> str:
    """Where the pages are, without a slash at the end."""
    host = f"[{chosen.host}]" if ":" in chosen.host else chosen.host
    return f"http://{host}:{chosen.port}"


def token_command(chosen: Options) -> str:
    """What to type where `./run` was typed, to get an API token of this instance."""
    words = [_shorter(sys.executable), _shorter(str(ROOT / "manage.py")), "create_token", "admin"]
    is_default = chosen.data == ROOT / "data" and "METASCOPE_DATA" not in os.environ
    folder = "" if is_default else f"METASCOPE_DATA={shlex.quote(str(chosen.data))} "
    return folder + shlex.join(words)


def _shorter(path: str) -> str:
    return min(path, os.path.relpath(path), key=len)


def _start_broker(supervisor: Supervisor, chosen: Options) -> str:
    """The broker's address: the one that is configured, or the embedded one's, now answering."""
    configured = env.text("METASCOPE_BROKER_URL")
    if configured:
        return configured
    for _ in range(BROKER_TRIES):
        embedded = broker.choose()
        part = supervisor.add(plans.embedded_broker(chosen, embedded))
        until = time.monotonic() + BROKER_START_S
        while part.is_running() and time.monotonic() < until:
            if embedded.answers():
                # Each start has its own; one left behind by a killed instance is replaced here.
                data_folder.write_private(chosen.data / "broker_url", embedded.url)
                return embedded.url
            supervisor.pause(0.01)
        supervisor.remove(part)
    raise StartRefused(
        f"the embedded broker does not start: see {part.plan.log}, or name a Redis or Valkey "
        "server in METASCOPE_BROKER_URL."
    )


def _prepare(supervisor: Supervisor, chosen: Options, told: dict[str, str]) -> str:
    """Makes the data folder ready and returns the path of the page to open first."""
    log = chosen.data / "logs" / "prepare.log"
    command = plans.python("config.prepare", "--sign-in-link" if chosen.is_local else "")
    status, output = supervisor.run_once(command, told, folder=ROOT, log=log)
    try:
        answer = json.loads(output)
    except ValueError as error:
        raise StartRefused(
            f"the data folder {chosen.data} could not be prepared (status {status}): see {log}."
        ) from error
    if "refusal" in answer:
        raise StartRefused(answer["refusal"])
    for note in answer["notes"]:
        say(note)
    return str(answer["sign_in"])


def _await_health(supervisor: Supervisor, chosen: Options) -> None:
    """Returns when every part is up; meanwhile, now and then, says which is not."""
    say_at = time.monotonic() + PATIENCE_S
    while True:
        # Without the store of files, metrics, params and pages go on.
        down = [problem for problem in health(chosen) if not problem.startswith("files:")]
        if not down:
            return
        if time.monotonic() > say_at:
            say(f"Still waiting: {'; '.join(down)}. Logs: {chosen.data / 'logs'}")
            say_at += PATIENCE_S
        supervisor.look(0.05)


def health(chosen: Options) -> list[str]:
    """What /healthz says is down; empty when all is well."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(chosen.host, chosen.host)
    connection = http.client.HTTPConnection(host, chosen.port, timeout=2)
    try:
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        checks = json.loads(connection.getresponse().read())["checks"]
    except (OSError, http.client.HTTPException, ValueError, KeyError):
        return ["web server: does not answer"]
    finally:
        connection.close()
    return [f"{part}: {state}" for part, state in checks.items() if state != "ok"]


def _queue_demo(supervisor: Supervisor, chosen: Options, told: dict[str, str]) -> None:
    """Queues the demonstration and says where to look; a failure is no reason to stop serving."""
    log = chosen.data / "logs" / "demo.log"
    command = [sys.executable, "-P", str(ROOT / "manage.py"), "queue_demo"]
    status, output = supervisor.run_once(command, told, folder=ROOT, log=log)
    if status != 0:
        say(f"The demonstration could not be queued: see {log}")
        return
    say(f"Demonstration: {address(chosen)}{output.strip().splitlines()[-1]}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
