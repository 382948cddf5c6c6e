"""One rule per module; each is found by its being here. Its docstring names the safer way."""
