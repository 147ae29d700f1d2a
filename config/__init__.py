"""How the parts are wired together; the only package that knows all others."""
