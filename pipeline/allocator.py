"""The C library's allocator, told how tensors come and go."""

import ctypes
import platform

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of mallopt, see malloc.h


def keep_freed_memory() -> None:
    """Keep the memory of freed tensors for the next ones.

    glibc hands every large block back to the system at once, which zeroes it anew page by page: a
    tenth of what a job on a CPU takes. Other C libraries are left as they are.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    library = ctypes.CDLL(None)
    library.mallopt(M_MMAP_MAX, 0)
    library.mallopt(M_TRIM_THRESHOLD, -1)
