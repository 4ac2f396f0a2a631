"""The command `tap-eventexport-audit`: compares a warehouse with what the vendors have.

1. `scope.py` says what is looked at: the streams, under the names that they are loaded by, and
   their days up to a settled instant.
2. `tables.py` finds the table of each stream, in a database (`database.py`) or in files
   (`files.py`). Both run the statements of `statements.py`.
3. `reading.py` runs the tap once, and keeps a digest of each record on disk (`digests.py`), by
   stream and day.
4. `audit.py` compares each day's number of rows and the sum of their digests, which the warehouse
   makes (`store.py`). Only where they differ are keys fetched: `comparison.py` compares them part
   by part.
5. `show.py` prints the result, and `repair.py` loads the days that differ, as a backfill does.
"""
