"""What a process that holds card numbers does about its memory: what is freed is overwritten, and no one else
reads the rest.

Python cannot overwrite a string, but the C library can overwrite what is freed (mallopt(3), M_PERTURB), as
long as Python takes its memory there, and the library keeps no cache of freed pieces for each thread. Both
are decided when a program starts: so `serve pci` starts itself anew with these variables. Other C libraries
than glibc ignore them.
"""

import ctypes
import os
import resource
import sys

OVERWRITING = {
    "PYTHONMALLOC": "malloc",
    "GLIBC_TUNABLES": "glibc.malloc.perturb=165:glibc.malloc.tcache_count=0:glibc.malloc.mxfast=0",
}
"""The environment in which freed memory is overwritten."""
_PR_SET_DUMPABLE = 4


def overwrite_what_is_freed() -> None:
    """Starts this very command anew where it does not run so yet; returns where it does."""
    if any(os.environ.get(name) != value for name, value in OVERWRITING.items()):
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **OVERWRITING})  # noqa: S606 - our own command again


def close_to_others() -> None:
    """For this process and its children: no core dump, and no other process of the same user may read it.

    The limit is one byte, not none: where the kernel pipes dumps to a program, it heeds no limit but this one
    (fs/coredump.c), and a file of one byte is not begun. A limit that is 0 already cannot be raised.
    """
    _soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    limit = 0 if hard == 0 else 1
    resource.setrlimit(resource.RLIMIT_CORE, (limit, limit))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
