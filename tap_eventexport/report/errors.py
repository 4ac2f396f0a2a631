"""What keeps a report from being made."""


class ReportError(Exception):
    """A person must give the command something else; the message says what."""
