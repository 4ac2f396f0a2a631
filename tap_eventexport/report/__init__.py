"""The command `tap-eventexport-report`: an HTML page about loaded events and runs."""
