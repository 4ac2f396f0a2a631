"""Standard streams, the table of a run, and logs without secrets."""
