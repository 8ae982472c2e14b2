"""What lies on the heap and what holds it, read in C where the walker was built."""
