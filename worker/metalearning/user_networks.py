"""Networks of a user's own package: which ones this machine permits (no torch).

A name stands for an entry point of the group `metascope.networks` that an installed package
declares. A path "package.module:Class" needs its package named in METASCOPE_NETWORK_PACKAGES, a
comma-separated list in the worker's environment: whoever may submit jobs makes the worker run the
code behind that path, so the machine's owner says which packages that may be.
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from worker.metalearning.errors import SpecError

GROUP = "metascope.networks"
FIELD = "network.path"


def names() -> tuple[str, ...]:
    """Networks that installed packages declare."""
    return tuple(sorted(_declared()))


def packages() -> tuple[str, ...]:
    """Packages whose modules may be named by path."""
    listed = os.environ.get("METASCOPE_NETWORK_PACKAGES", "").split(",")
    return tuple(sorted({name.strip() for name in listed if name.strip()}))


def pattern() -> str:
    """What `network.path` may be on this machine, as a regular expression for its schema."""
    choices = [re.escape(name) for name in names()]
    choices += [rf"{re.escape(name)}(\.\w+)*:[A-Za-z_]\w*" for name in packages()]
    return f"^({'|'.join(choices)})$" if choices else "^(no packages are permitted here)$"


def network_class(path: str) -> Any:
    """The class that a path or a name stands for. Raises SpecError for `network.path`."""
    if path in _declared():
        return _loaded(path, lambda: _declared()[path].load())
    module, colon, name = path.partition(":")
    if not colon:
        known = ", ".join(names()) or "none"
        raise SpecError(
            FIELD, f"{path!r} is no network that an installed package declares (those are: "
            f"{known}): use one of them, or a path package.module:Class",
        )  # fmt: skip
    if module.partition(".")[0] not in packages():
        permitted = ", ".join(packages()) or "none"
        raise SpecError(
            FIELD, f"package {module.partition('.')[0]!r} is not permitted on this worker "
            f"(permitted: {permitted}): its owner lists packages in METASCOPE_NETWORK_PACKAGES",
        )  # fmt: skip
    return _loaded(path, lambda: getattr(importlib.import_module(module), name))


def options_of(found: Any, options: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments: the spec's, and of `given` those that the class has parameters for."""
    code = getattr(found.__init__, "__code__", None)
    takes = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount] if code else ()
    return {**{key: value for key, value in given.items() if key in takes}, **options}


def _declared() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}


def _loaded(path: str, load: Any) -> Any:
    try:
        return load()
    except Exception as error:  # the boundary: a user's package may fail in any way
        raise SpecError(
            FIELD, f"{path!r} cannot be imported: {type(error).__name__}: {error}. Install its "
            "package in the worker's environment",
        ) from error  # fmt: skip
