"""Runs the command as `python -m tap_eventexport.report`."""

from tap_eventexport.report.command import main

main()
