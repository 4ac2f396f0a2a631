"""The part that is the same for every vendor.

The life of a page (`page.py`), from the plan of a run to stdout:

1. `runner.py` makes a `StreamSync` (`sync.py`) for each stream that `tap.py` selects. It reads
   the bookmark (`state/codec.py`) and plans the interval (`state/bookmark.py`); the vendor's
   `windows()` cuts it.
2. `prefetch/` reads several windows at once. Its worker threads run `reader.py`, which calls the
   vendor's `pages(window, cursor)`.
3. There, `paging/` asks page after page: `http/client.py` sends each request and retries it.
4. The vendor's parser gets each response: `http/response.py` checks and parses its JSON, and the
   parser makes records; `duplicates/` makes the keys that the vendor doesn't send.
5. `reader.py` checks the page: `singer/keys.py` refuses records without keys and drops those
   outside the window. `delivery.py` encodes it (`singer/writers.py`), if no record needs a change,
   and tallies its records by pieces of time (`sent/ledger.py`). The worker ends here.
6. A large body (Dfinery's CSV, Infobip's files by `objects/`) is only stored and checked by the
   worker: `bodies/`. Its records are made, checked and encoded on the main thread, in step 8.
7. On the main thread, `prefetch/` returns pages in the order of their windows, and `runner.py`
   gives each to its `StreamSync`, which writes SCHEMA again before a page that has new columns. The
   first SCHEMA comes when the run begins; if only the vendor's answers name the columns
   (`is_growing`), it comes with the first page that does.
8. There, `delivery.py` passes records that need a change (selection, stream maps) through
   `singer/catalog_stream.py`. Those of a time that STATE knows wait on disk (`sent/hold.py`) until
   their window is complete; of these, only what has changed is sent. `singer/messages.py` writes
   the lines to stdout.
9. `sync.py` advances the bookmark (`state/bookmark.py`), and writes it to STATE if no record waits.
10. A table (`table.py`) is one window with one page: STATE says when it was read, and has one span
   (`sent/table.py`).
11. A signal ends a run between two pages: `shutdown.py`. Secrets are removed from every log line:
   `console/redaction.py`.
"""
