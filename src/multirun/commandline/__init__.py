"""What the commands of `multirun` do; the words they are called with are declared in `multirun.cli`."""
