"""Pure computation on Arrow buffers and wire bytes: a small native part, and the same in numpy where no compiler was.

Every `_native.c` below `src/wayfare` is built into an optional extension beside it (see `setup.py`); `load` finds it.
"""
