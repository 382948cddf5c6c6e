"""`python -m wayfare` is the `wayfare` command."""

from wayfare.main import run

run()
