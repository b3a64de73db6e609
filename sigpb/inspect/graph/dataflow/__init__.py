"""The part of a graph between some inputs and some outputs, through the functions it calls."""
