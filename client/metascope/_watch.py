"""Gradients and weights of a PyTorch module while it trains, without importing torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Log = Callable[[dict[str, float], int], None]
Show = Callable[[str, Any, int], None]


class Watch:
    """Hooks on a module's parameters: every `every` backward passes their norms are logged.

    A pass ends where the next begins, with the second gradient of some parameter: so a row is
    logged at the step that followed its pass. With `activations`, what the innermost modules put
    out on the way to that pass is logged with it.
    """

    def __init__(
        self,
        module: Any,
        log: Log,
        step: Callable[[], int],
        *,
        every: int,
        show: Show | None,
        activations: bool = False,
    ) -> None:
        self._log = log
        self._show = show
        self._step = step
        self._every = every
        self._passes = 0
        self._seen: set[str] = set()
        self._norms: dict[str, Any] = {}  # tensors: made numbers when all are there
        self._row_step = 0
        named = [(name, one) for name, one in module.named_parameters() if one.requires_grad]
        if not named:
            raise ValueError("the module has no parameters that are trained")
        self._hooks = [
            one.register_post_accumulate_grad_hook(self._hook_of(name)) for name, one in named
        ]
        self._outputs: dict[str, Any] = {}  # of the pass that is on its way
        if activations:
            self._hooks += [
                one.register_forward_hook(self._output_hook_of(name))
                for name, one in module.named_modules()
                if name and next(one.children(), None) is None
            ]

    def _hook_of(self, name: str) -> Callable[[Any], None]:
        def hook(parameter: Any) -> None:
            if name in self._seen:
                self._next_pass()
            self._seen.add(name)
            if self._passes % self._every == 0:
                self._take(name, parameter)

        return hook

    def _output_hook_of(self, name: str) -> Callable[[Any, Any, Any], None]:
        def hook(_module: Any, _inputs: Any, output: Any) -> None:
            # The pass before has not ended for us until the next gradient comes.
            number = self._passes + bool(self._seen)
            if number % self._every == 0 and (found := _trained_output(output)) is not None:
                self._outputs[name] = found

        return hook

    def _take_outputs(self) -> None:
        for name, output in self._outputs.items():
            self._norms[f"activations/{name}"] = output.norm()
            self._norms[f"zeros/{name}"] = (output == 0).float().mean()
            if self._show:
                self._show(f"activations/{name}", output, self._row_step)
        self._outputs.clear()

    def _take(self, name: str, parameter: Any) -> None:
        if not self._norms:
            self._row_step = self._step()
            self._take_outputs()
        gradient, weights = parameter.grad.detach(), parameter.detach()
        self._norms[f"gradients/{name}"] = gradient.norm()
        self._norms[f"weights/{name}"] = weights.norm()
        if self._show:
            self._show(f"gradients/{name}", gradient, self._row_step)
            self._show(f"weights/{name}", weights, self._row_step)

    def _next_pass(self) -> None:
        self._seen.clear()
        self._passes += 1
        self.flush()

    def flush(self) -> None:
        """Log what was taken and not logged yet."""
        if not self._norms:
            return
        row = {key: float(norm) for key, norm in self._norms.items()}
        squares = (norm**2 for key, norm in row.items() if key.startswith("gradients/"))
        row["gradients/norm"] = sum(squares) ** 0.5
        self._norms.clear()
        self._log(row, self._row_step)

    def close(self) -> None:
        """Log the rest, and take the hooks off."""
        self.flush()
        for hook in self._hooks:
            hook.remove()


def _trained_output(output: Any) -> Any:
    """The tensor that a module put out, or the first of several; None where no gradient will flow
    through it, as while evaluating, and within transforms such as `vmap`, which have no values."""
    first = output[0] if isinstance(output, tuple | list) and output else output
    if not getattr(first, "requires_grad", False) or not first.is_floating_point():
        return None
    return first.detach() if _has_values(first) else None


def _has_values(tensor: Any) -> bool:
    try:
        tensor.data_ptr()
    except RuntimeError:
        return False
    return True
