"""The peer: a CSV read by polars in blocks, all columns as text, to RECORD lines."""

from __future__ import annotations

import sys
import tempfile

import msgspec
import polars
import requests


def main() -> None:
    encoder = msgspec.json.Encoder()
    with tempfile.NamedTemporaryFile(suffix=".csv") as spool:
        with requests.post(sys.argv[1], stream=True, timeout=300) as response:
            for chunk in response.iter_content(1 << 20):
                spool.write(chunk)
        spool.flush()
        frame = polars.scan_csv(spool.name, infer_schema=False)
        for block in frame.collect_batches(chunk_size=10_000):
            lines = [
                {"type": "RECORD", "stream": "dfinery_events", "record": row}
                for row in block.iter_rows(named=True)
            ]
            sys.stdout.buffer.write(encoder.encode_lines(lines))


if __name__ == "__main__":
    main()
