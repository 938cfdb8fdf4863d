"""The classic control tasks, with the dynamics of gymnasium's own."""
