"""Long times cut into partitions, which a cluster loads; the tap needs nothing of this."""
