"""Read several windows at the same time, and return their pages in order."""
