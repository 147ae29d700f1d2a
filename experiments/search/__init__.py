"""The filter language of run tables: text in, a condition on runs out.

    status = failed AND params.lr < 0.01
    (tags = baseline OR name ~ "maml") AND metrics.test/loss(min) <= 0.2
    status IN (failed, crashed) AND NOT created < 2026-11-01
    params.lr BETWEEN 0.01 AND 0.1 AND params."layer 1.width" IS NOT NULL AND created > -7d

NOT binds closer than AND, AND closer than OR. Fields are allow-listed; keys and values only ever
become parameters of a query. A comparison with something a run lacks is false, also with != and
NOT IN; `IS NULL` asks for it. `~` means "contains" and LIKE takes % and _, whatever the case.
`docs/search.md` is the reference.
"""

from experiments.search.conditions import summary_column
from experiments.search.fields import Field, field
from experiments.search.grammar import parse
from experiments.search.names import names_of
from experiments.search.tokens import LONGEST, InvalidFilter, quoted

__all__ = [
    "LONGEST",
    "Field",
    "InvalidFilter",
    "field",
    "names_of",
    "parse",
    "quoted",
    "summary_column",
]
