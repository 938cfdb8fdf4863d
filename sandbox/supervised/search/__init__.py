"""`search`: settings of a classifier tried out in short fits."""
