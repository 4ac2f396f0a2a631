"""Standard streams, the live table and summary of a run, and redaction of logs."""
