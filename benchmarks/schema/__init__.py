"""What schema changes cost, and whether what is said of them beforehand is true."""
