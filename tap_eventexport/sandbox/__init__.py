"""Simulated vendors on loopback, written from their documents: for the demo, tests and benchmarks.

Nothing here is imported by the tap, and nothing of the tap is imported here.
"""
