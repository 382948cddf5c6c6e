"""The words everything else is said in. No I/O at all."""
