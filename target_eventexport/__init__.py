"""Singer target for PostgreSQL, DuckDB and Parquet.

From stdin to the table, downwards: `lines.py` reads lines as they come. `maps.py` changes them, if
stream maps or flattening are set. `load.py` tells messages apart; `records.py` decodes and checks
the records of a stream by the columns of its SCHEMA (`columns.py`, `validation.py`), and encodes
them as rows of CSV (`cells.py`). They wait in a batch (`table.py`). When it is full or old, a
second thread lets a destination (`destinations/`) commit it, and then writes the last STATE before
it to stdout.
"""
