"""The commands of `python -m stylecore`: each module has the options of one, and what it does."""
