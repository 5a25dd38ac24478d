"""What the operating system tells about the machine and about processes: load, CPU time, memory."""

import os
import platform
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

#: More runnable processes than this share of the cores, and figures are not to be trusted.
BUSY_SHARE = 0.5


@dataclass(frozen=True)
class Machine:
    """The machine at one moment."""

    cores: int
    load: float  # runnable processes, mean of the last minute
    memory_gb: float

    @classmethod
    def now(cls) -> "Machine":
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return cls(os.cpu_count() or 1, os.getloadavg()[0], total / 1e9)

    @property
    def busy(self) -> bool:
        """Whether others use so much of it that times say little."""
        return self.load > BUSY_SHARE * self.cores

    def described(self) -> str:
        """One line for the head of the report."""
        return (
            f"{self.cores} cores, {self.memory_gb:.0f} GB, load {self.load:.2f}, "
            f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
        )


def cpu_ms(pid: int) -> float:
    """The CPU time all threads of a process have used so far, milliseconds.

    From the process's own CPU clock, exact to the nanosecond; /proc counts in steps of 10 ms,
    which is more than a turn costs. Raises OSError when the process is gone.
    """
    return time.clock_gettime((~pid << 3) | 2) * 1000


def cpu_ms_of(pids: Iterable[int]) -> float:
    """The same, of several processes together."""
    return sum(cpu_ms(pid) for pid in pids)


def rss_mb(pid: int) -> float:
    """The memory a process holds resident, MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise ProcessLookupError(pid)
