"""Task distributions: what episodes are sampled from, one module per source."""
