"""Files that runs showed beside their metrics, ready for pages."""
