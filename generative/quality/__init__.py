"""How good drawn pictures are, whatever drew them: measures by the features of a judge."""
