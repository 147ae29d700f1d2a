"""`track`: a function whose every call is a run."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar, cast

from metascope._options import check_options
from metascope._run import Run
from metascope._start import start

P = ParamSpec("P")
R = TypeVar("R")
RUN = "run"


def track(project: str = "", **options: Any) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make every call of a function a run: its arguments are the params, and a mapping that it
    returns is the summary. `options` are those of `start`; the run is named after the function.

        @metascope.track("sinusoid", tags=["sweep"])
        def train(lr: float, run: metascope.Run | None = None) -> dict[str, float]:

    A parameter called `run` gets the run where the caller leaves it out; `metascope.active_run()`
    is the run, too. Arguments whose name says that they are secret are masked.
    """

    check_options(project, options)

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(f"{function.__name__} is a generator: track the function that loops")
        signature = inspect.signature(function)

        def begin(args: Any, kwargs: dict[str, Any]) -> Run:
            given = signature.bind_partial(*args, **kwargs)
            bound = signature.bind_partial(*args, **kwargs)
            bound.apply_defaults()
            params = {**_params(signature, bound.arguments), **dict(options.get("params") or {})}
            named = {"name": function.__name__, **options, "params": params}
            run = start(project, **named)
            if RUN in signature.parameters and RUN not in given.arguments:
                kwargs[RUN] = run
            return run

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def awaited(*args: Any, **kwargs: Any) -> Any:
                with begin(args, kwargs) as run:
                    return _summarized(run, await function(*args, **kwargs))

            return cast(Callable[P, R], awaited)

        @functools.wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            with begin(args, kwargs) as run:
                return _summarized(run, function(*args, **kwargs))

        return cast(Callable[P, R], called)

    return decorate


def _params(signature: inspect.Signature, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments by name; those of `**kwargs` beside the others, `self` and the run left out."""
    found: dict[str, Any] = {}
    for name, value in arguments.items():
        kind = signature.parameters[name].kind
        if name in ("self", "cls", RUN):
            continue
        found.update(value if kind is inspect.Parameter.VAR_KEYWORD else {name: value})
    return found


def _summarized(run: Run, returned: Any) -> Any:
    if isinstance(returned, Mapping):
        run.set_summary(returned)
    return returned
