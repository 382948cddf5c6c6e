"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import sysconfig
from pathlib import Path

from benchmarks.places import ROOT


def facts() -> str:
    """One line: processor, cores, memory, system."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    cores = len(os.sched_getaffinity(0))
    return f"{_processor()}, {cores} cores, {memory:.0f} GiB memory, {system}, Linux {platform.release()}"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return " ".join(line.partition(":")[2].split())
    return platform.machine()


def revision() -> str:
    """The commit measured, marked when the working tree differs from it; "" outside a clone."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=10"], capture_output=True, text=True, check=False, cwd=ROOT
    )
    return done.stdout.strip()


def compile_bytecode() -> None:
    """What installing does for a user, and a working tree may lack: nobody should be measured compiling Python."""
    folders = [str(ROOT / "src"), sysconfig.get_path("purelib")]
    # Some packages carry files of another Python on purpose; what cannot be compiled is not imported either.
    subprocess.run([sys.executable, "-m", "compileall", "-qq", *folders], check=False)
