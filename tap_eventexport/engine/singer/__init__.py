"""What the Singer specification and its SDK ask for: catalogs, stream maps, messages."""
