"""The tap's command, as tests need it otherwise."""
