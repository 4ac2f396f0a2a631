"""Bookmarks: what STATE promises, and what a run reads because of it."""
