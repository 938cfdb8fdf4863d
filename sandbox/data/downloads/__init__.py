"""Downloads from mirrors that are not trusted."""
