"""The Singer specification and its SDK: catalogs, stream maps, messages."""
