"""Requests and responses: rate-limited, retried and checked."""
