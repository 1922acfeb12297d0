"""The shell: the only part that creates tasks. It carries out what the core decides."""
