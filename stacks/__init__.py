"""What an environment consists of: typed configuration in, components out, nothing else."""
