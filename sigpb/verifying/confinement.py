"""Keeping what a model does while it runs away from the rest of the machine.

The process with TensorFlow asks for this before it imports TensorFlow. What the machine does not
allow, as many containers do not, is left out, and the report says so.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from sigpb.verifying.report import Confinement

_FILE_SIZE = 1 << 30
_NETWORK = Path("/proc/self/ns/net")

# linux/sched.h, linux/mount.h and the table of system calls, which has one number everywhere.
_NEW_MOUNTS, _NEW_IPC, _NEW_USER, _NEW_NETWORK = 0x20000, 0x8000000, 0x10000000, 0x40000000
_BIND, _RECURSIVE, _PRIVATE = 0x1000, 0x4000, 0x40000
_MOUNT_SETATTR = 442
_HERE, _WHOLE_TREE, _READ_ONLY = -100, 0x8000, 1


def network() -> str:
    """Names the network that this process sees; empty where the machine does not say."""
    try:
        return str(_NETWORK.readlink())
    except OSError:
        return ""


def in_bubblewrap(command: Sequence[str], own: str) -> list[str]:
    """Returns a command that runs another one in a sandbox of bubblewrap, if that works here.

    Not for the superuser: bubblewrap takes the right from it to read the files of others, and it
    needs no help to `confine` itself.

    Args:
        command: What to run.
        own: The only directory that it may write to.
    """
    program = shutil.which("bwrap") if os.geteuid() else None
    if program is None:
        return list(command)
    sandbox = [program, "--ro-bind", "/", "/", "--bind", own, own, "--dev", "/dev"]
    sandbox += ["--proc", "/proc", "--unshare-net", "--unshare-ipc", "--unshare-pid"]
    sandbox += ["--die-with-parent", "--new-session", "--"]
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        tried = subprocess.run(
            [*sandbox, command[0], "-c", ""], capture_output=True, timeout=20, check=False
        )
        if tried.returncode == 0:
            return [*sandbox, *command]
    return list(command)


def confine(own: str, outer_network: str, seconds: float) -> Confinement:
    """Confines this process, which must have one thread, as far as the machine allows.

    Args:
        own: The only directory that it may write to.
        outer_network: What `network` was for the process that started this one.
        seconds: How long it may take, for the report; somebody else sees to it.
    """
    if sys.platform == "linux" and not _is_read_only():
        _enter_namespaces(own)
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Confinement(
        _is_read_only(),
        bool(outer_network) and network() not in ("", outer_network),
        _limited(resource.RLIMIT_DATA, memory),
        _limited(resource.RLIMIT_FSIZE, _FILE_SIZE),
        seconds,
    )


def _is_read_only() -> bool:
    return bool(os.statvfs("/").f_flag & os.ST_RDONLY)


def _enter_namespaces(own: str) -> None:
    """Gives this process mounts and a network of its own; the mounts are read-only but for one."""
    library = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    apart = _NEW_MOUNTS | _NEW_IPC | _NEW_NETWORK
    # Those who may do without do: as another user's superuser one cannot read the files of others.
    if library.unshare(apart) != 0:
        if library.unshare(apart | _NEW_USER) != 0:
            return
        with contextlib.suppress(OSError):
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
            Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    path = os.fsencode(own)
    if library.mount(None, b"/", None, _RECURSIVE | _PRIVATE, None) != 0:
        return
    library.mount(path, path, None, _BIND, None)
    # struct mount_attr: what to set, what to clear, propagation, user namespace.
    setting = (ctypes.c_uint64 * 4)(_READ_ONLY, 0, 0, 0)
    library.syscall(_MOUNT_SETATTR, _HERE, b"/", _WHOLE_TREE, setting, ctypes.sizeof(setting))
    clearing = (ctypes.c_uint64 * 4)(0, _READ_ONLY, 0, 0)
    library.syscall(_MOUNT_SETATTR, _HERE, path, 0, clearing, ctypes.sizeof(clearing))


def _limited(what: int, most: int) -> int | None:
    """Limits a resource, and returns the limit that holds."""
    with contextlib.suppress(OSError, ValueError):
        _, hard = resource.getrlimit(what)
        limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (limit, limit))
    limit = resource.getrlimit(what)[0]
    return None if limit == resource.RLIM_INFINITY else limit
