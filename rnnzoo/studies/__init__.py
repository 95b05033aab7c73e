"""What is learned from many runs: sweeps over settings, comparisons of cells, and the processes that run them."""
