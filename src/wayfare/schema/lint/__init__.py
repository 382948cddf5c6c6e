"""What is wrong with a change, statement by statement: one rule per file of `rules/`. Pure, but for `squawk`."""
