"""The notebook: the magics, what they display, and the panel; it is built on `signin` and `sharing`, and on IPython."""
