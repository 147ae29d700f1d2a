"""What the compare page shows: which runs, and one module per section."""
