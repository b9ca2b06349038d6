"""`python -m multirun` is the command `multirun`."""

from multirun.cli import main

if __name__ == "__main__":
    main()
