"""Single episodes of evaluations: how they are spread, which are worst, and one of them opened."""
