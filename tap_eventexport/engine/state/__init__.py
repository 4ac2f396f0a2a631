"""Bookmarks: what STATE commits, and what a run reads because of it."""
