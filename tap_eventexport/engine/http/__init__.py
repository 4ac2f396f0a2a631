"""Requests and responses: rate-limited, retried and checked; and S3."""
