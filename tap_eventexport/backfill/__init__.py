"""Splits a long time into partitions, which a cluster loads; the tap itself doesn't need this."""
