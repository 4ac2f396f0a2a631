"""Records that share an id, or are equal in everything, told apart."""
