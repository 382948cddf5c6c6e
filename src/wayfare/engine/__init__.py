"""Durable runs: carries plans out, survives crashes, journals every move. The only package that knows DBOS."""
