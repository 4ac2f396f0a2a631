"""Sends once: what a run reads again is compared with what was sent, and only changes are sent."""
