"""The vendors on loopback, made from their documents: for the demo, the tests, the benchmarks.

Nothing here is imported by the tap, and nothing of the tap is imported here.
"""
