"""Safer ways to make a change: expand, fill, contract. One per module, found by its being here. Pure."""
