"""The launcher as a program: `__main__.py <control fd> <facts fd> <orchestrator pid> <launcher id>`."""

import os
import sys


def use_own_package() -> None:
    """Make `multirun` the package that this file belongs to, whichever one is installed.

    Only for that import its folder comes first: a folder of installed packages must not hide the standard library.
    """
    folder = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    sys.path.insert(0, folder)
    import multirun  # noqa: F401 - its modules are found through it from now on

    sys.path.remove(folder)


if __name__ == "__main__":
    use_own_package()
    from multirun.launcher.sentinel import launch

    launch(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
