"""What `compare` is made of: runs as it reads them, their groups, and what came out of each."""
