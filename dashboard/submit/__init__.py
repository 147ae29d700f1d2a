"""The form that submits jobs, made from the schema that workers announced."""
