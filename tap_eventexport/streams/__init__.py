"""One file per vendor: all that is true of this vendor and of no other."""
