"""What `report` says about runs, gathered from their files."""
