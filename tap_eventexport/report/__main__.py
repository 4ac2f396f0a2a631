"""`python -m tap_eventexport.report` is the command."""

from tap_eventexport.report.command import main

main()
