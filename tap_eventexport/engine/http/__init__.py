"""Requests and responses: sent politely, tried again, checked; and S3."""
