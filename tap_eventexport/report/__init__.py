"""The command `tap-eventexport-report`: what was loaded, and how, as one HTML page."""
