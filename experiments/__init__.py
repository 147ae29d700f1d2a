"""The domain: what exists, what may happen to it, and the REST APIs over it."""
