"""What a report's markdown becomes: pages, panels, files to take along."""
