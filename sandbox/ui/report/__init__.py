"""A run as one page of HTML that needs nothing beside it: its figures, its curves, the page."""
