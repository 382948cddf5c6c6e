"""The capability to copy tables from one database to another: plan, steps, proof."""
