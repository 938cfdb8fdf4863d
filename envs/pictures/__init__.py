"""What some environments look like: small pictures for agents, large ones for people."""
