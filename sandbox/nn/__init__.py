"""Networks and what they need: devices, checkpoints and, later, the backbone that every model shares."""
