"""Errors of the engine, each with what a person needs to act on it."""


class MetaLearningError(Exception):
    """Whatever the engine refuses or cannot go on with."""


class SpecError(MetaLearningError):
    """A spec that breaks its schema; `path` says where, as in `outer.steps`."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path
        self.message = message


class DataMissing(MetaLearningError):
    """A data set that is not there; the message says which files to put where."""


class CheckpointMismatch(MetaLearningError):
    """A checkpoint that belongs to another spec or another format."""


class Diverged(MetaLearningError):
    """Training met a value that is not finite; the report before it carries that value."""

    def __init__(self, step: int, metric: str) -> None:
        super().__init__(f"{metric} is not finite at meta-step {step}: training diverged")
        self.step = step
        self.metric = metric
