"""Bodies of answers and files: on disk, as CSV, as JSON; and what their values are."""
