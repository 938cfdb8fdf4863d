"""What people see: console, progress, plots."""
