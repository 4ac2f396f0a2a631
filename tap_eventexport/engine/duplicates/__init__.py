"""Unique keys for records that share an id, or are equal."""
