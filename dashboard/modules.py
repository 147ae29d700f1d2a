"""The ES modules of pages: what they import, and the one file that they are collected into."""

import json
import re
from collections.abc import Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "static" / "dashboard" / "js"
APART = ("theme-boot.js",)  # no module: it runs before anything is shown
JOINED = "dashboard/js/pages.js"

_IMPORT = re.compile(
    r"^import (?:(?P<names>\{[^}]*\}|\* as [\w$]+) from )?'\./(?P<module>[\w-]+\.js)';\n", re.M
)
_EXPORT = re.compile(r"^export (?=(?:const|(?:async )?function\*?) (?P<name>[\w$]+))", re.M)
_OTHER = re.compile(r"^(?:import|export)\b.*|^await\b.*|^.*\bimport(?:\(|\.meta).*", re.M)
# Each module is a function that runs once, when a page or another module first asks for it. Pages
# name theirs in <meta name="module">; one that fails keeps none of the others from running.
_AROUND = """const modules = {{
{modules}}};
const made = new Map();
function joined(name) {{
  if (!made.has(name)) made.set(name, modules[name]());
  return made.get(name);
}}
for (const {{ content }} of document.querySelectorAll('meta[name="module"]')) {{
  try {{
    joined(content);
  }} catch (error) {{
    reportError(error);
  }}
}}
"""


class CannotJoin(Exception):
    """A module is written in a way that is not joined with others."""


@cache
def imported(*names: str) -> tuple[str, ...]:
    """The names of all modules that these import, directly or not, without themselves."""
    found: dict[str, None] = {}
    waiting = list(names)
    while waiting:
        source = Path(f"{FOLDER}/{waiting.pop(0)}").read_text(encoding="utf-8")
        for match in _IMPORT.finditer(source):
            name = match["module"]
            if name not in found and name not in names:
                found[name] = None
                waiting.append(name)
    return tuple(found)


def joined() -> bytes:
    """All of them in one, so that a page asks once. Raises CannotJoin."""
    paths = sorted(path for path in FOLDER.glob("*.js") if path.name not in APART)
    return join({path.name: path.read_text(encoding="utf-8") for path in paths}).encode()


def join(sources: Mapping[str, str]) -> str:
    """One module that does what these do, of which a page names some. Raises CannotJoin."""
    needs = {name: {m["module"] for m in _IMPORT.finditer(text)} for name, text in sources.items()}
    try:
        order = [*TopologicalSorter(needs).static_order()]
    except CycleError as error:
        raise CannotJoin(f"Modules import each other: {' -> '.join(error.args[1])}.") from error
    if missing := set(order) - set(sources):
        raise CannotJoin(f"Modules import {', '.join(sorted(missing))}, which does not exist.")
    return _AROUND.format(modules="".join(_as_function(name, sources[name]) for name in order))


def _as_function(name: str, source: str) -> str:
    """A module as an entry `name: () => exports`; its imports come first, as they do in modules."""
    imports = "".join(_asked(match) for match in _IMPORT.finditer(source))
    body = _EXPORT.sub("", _IMPORT.sub("", source))
    if other := _OTHER.search(body):
        raise CannotJoin(
            f"{name} has {other[0]!r}. Imports are of './name.js' on a line of their own, exports "
            "of a const or function, and nothing is awaited outside of functions."
        )
    exports = ", ".join(match["name"] for match in _EXPORT.finditer(source))
    return f"{json.dumps(name)}: () => {{\n{imports}{body}\nreturn {{ {exports} }};\n}},\n"


def _asked(match: re.Match[str]) -> str:
    """An import as a look-up: `{ a as b }` is `{ a: b }` there."""
    asked = f"joined({json.dumps(match['module'])});\n"
    if match["names"] is None:
        return asked
    names = match["names"].removeprefix("* as ").replace(" as ", ": ")
    return f"const {names} = {asked}"
