"""Reads lists page by page, by cursor or by offset, and checks what the vendor returns."""
