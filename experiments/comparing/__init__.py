"""What differs between runs: params, code, environment; and whether their results differ."""
