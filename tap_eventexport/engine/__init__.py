"""The part that is the same for every vendor.

The life of a page, from a vendor's response to stdout:

1. `runner.py` plans a `StreamSync` for each stream that `tap.py` selects (`sync.py`).
2. `state/codec.py` reads the bookmark; `state/bookmark.py` plans the interval and cuts it into
   windows.
3. `prefetch/` reads several windows at once. Its worker threads run `reader.py`.
4. `reader.py` calls the stream's `pages(window, cursor)`, which is in the vendor's own file.
5. `http/client.py` sends the request, `http/response.py` checks the response and parses its body.
   Large bodies are files on disk: `bodies/`.
6. The vendor's file makes records of it. `paging/` finds the next page, `duplicates/` makes keys.
7. `singer/keys.py` checks the records; `singer/writers.py` encodes them, if nothing changes them.
   This is where the worker's part ends.
8. `prefetch/` hands the pages out in the order of their windows, and `runner.py`, on the main
   thread, gives each to its `StreamSync`.
9. `sync.py` writes it: `singer/transform.py` changes the records if it must, `singer/messages.py`
   writes their lines to stdout.
10. `sync.py` advances the bookmark and commits it: `state/codec.py` writes STATE.
"""
