"""The kernel: errors, configs, runs, metrics, seeds and the table of plugins. Standard library only."""
