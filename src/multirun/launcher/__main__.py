"""Entry of the launcher: `python -I …/launcher/__main__.py <control fd> <facts fd> <orchestrator pid> <launcher id>`."""

import os
import sys

if __name__ == "__main__":
    sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    from multirun.launcher.keeper import Keeper

    Keeper(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]).work()
