"""The picture of the table is a frame of what a terminal showed."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from docs import pictures

CLEAR = "\r\x1b[2K" + "\x1b[1A\x1b[2K" * 3
HEADINGS = "\x1b[1mstream   \x1b[0m\x1b[1mrecords/s\x1b[0m\r\n"
BEGUN = f"{HEADINGS}a_events\r\nb_events\r\n"
RUNNING = f"{HEADINGS}a_events \x1b[38;5;70m━━\x1b[0m 3/3 complete\r\nb_events ━ 1/3 reads\r\n"
ENDED = f"{HEADINGS}a_events ━━ 3/3 complete\r\nb_events ━━ 3/3 complete\r\n"
SHOWN = f"INFO begun\r\n\x1b[?25l{BEGUN}{CLEAR}INFO read\r\n{RUNNING}{CLEAR}{ENDED}{CLEAR}end\r\n"


def test_the_frames_of_a_terminal() -> None:
    frames = pictures.frames(SHOWN)
    assert [pictures.COLOUR.sub("", frame).splitlines()[2] for frame in frames] == [
        "b_events",
        "b_events ━ 1/3 reads",
        "b_events ━━ 3/3 complete",
    ]
    assert not any("INFO" in frame or "\r" in frame for frame in frames)
    assert [pictures.is_running(frame) for frame in frames] == [False, True, False]


def test_a_frame_is_drawn_without_fonts_from_elsewhere() -> None:
    drawn = pictures.drawn(pictures.frames(SHOWN)[1])
    shown = "".join(ET.fromstring(drawn).itertext()).replace("\xa0", " ")  # noqa: S314 - our own
    assert pictures.COMMAND in shown
    assert "b_events ━ 1/3 reads" in shown
    assert "font-face" not in drawn
    assert "url(http" not in drawn
