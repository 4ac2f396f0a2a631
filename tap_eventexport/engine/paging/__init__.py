"""Pages by cursor and by offset, of which nothing is taken on trust."""
