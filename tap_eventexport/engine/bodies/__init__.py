"""Bodies of responses and files: on disk, as CSV, as JSON, and their values."""
