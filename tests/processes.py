"""Looking at processes that may end while one looks."""

import os
from collections.abc import Iterator

import psutil


def is_gone(process: psutil.Process) -> bool:
    """It has ended, whether or not somebody has collected its exit status."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def children_with(word: str, parent: int) -> Iterator[psutil.Process]:
    """The living children whose command line has this word, or a path that ends in it."""
    for child in psutil.Process(parent).children():
        try:
            command = child.cmdline()
        except psutil.NoSuchProcess:  # it has just ended; a zombie has no command line either
            continue
        if word in map(os.path.basename, command):
            yield child
