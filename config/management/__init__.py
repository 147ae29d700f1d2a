"""Commands that need what starts the processes."""
