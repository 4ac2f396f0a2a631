"""Singer tap for the event history of five vendors."""
