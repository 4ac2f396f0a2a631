"""The error of the report command."""


class ReportError(Exception):
    """The command needs other arguments; the message says which."""
