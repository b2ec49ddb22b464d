"""A static site of all runs: what is open, in which program, under which rule, since when."""
