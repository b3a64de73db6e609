"""Runs a function in a child process, and decides for each of its system calls what becomes of it.

The child is traced with ptrace; a seccomp filter stops it at calls that concern files, and at no
others. So a fault is what the process would see from the kernel, whoever makes the call: Python,
the C code of a library, or a thread or process that the child starts.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import os
import platform
import signal
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NoReturn

_libc = ctypes.CDLL(None, use_errno=True)

Kind = Literal["error", "short", "kill"]


@dataclasses.dataclass(frozen=True)
class Fault:
    """What becomes of a system call.

    Attributes:
        kind: The call fails with an ``error``; or, if it moves bytes, it moves half of them and
            says so (``short``); or the process is killed (``kill``) before it.
        errno: The error.
    """

    kind: Kind
    errno: int = 0


@dataclasses.dataclass(frozen=True)
class Call:
    """A system call that concerns a file below the root.

    Attributes:
        name: As in the manual: ``openat``.
        path: The file; of calls that take two, the first one.
    """

    name: str
    path: str


@dataclasses.dataclass(frozen=True)
class _Signature:
    """Where the arguments of a system call are that say which file it concerns.

    Attributes:
        name: The name of the call.
        fd: The position of the descriptor, or of the directory that `path` is relative to.
        path: The position of the path.
        length: The position of the number of bytes to move.
    """

    name: str
    fd: int | None = None
    path: int | None = None
    length: int | None = None


# By their numbers on x86-64 (arch/x86/entry/syscalls/syscall_64.tbl of Linux).
_CALLS = {
    0: _Signature("read", fd=0, length=2),
    1: _Signature("write", fd=0, length=2),
    2: _Signature("open", path=0),
    3: _Signature("close", fd=0),
    4: _Signature("stat", path=0),
    5: _Signature("fstat", fd=0),
    6: _Signature("lstat", path=0),
    9: _Signature("mmap", fd=4),
    16: _Signature("ioctl", fd=0),
    17: _Signature("pread64", fd=0, length=2),
    18: _Signature("pwrite64", fd=0, length=2),
    20: _Signature("writev", fd=0),
    21: _Signature("access", path=0),
    40: _Signature("sendfile", fd=0, length=3),
    73: _Signature("flock", fd=0),
    74: _Signature("fsync", fd=0),
    75: _Signature("fdatasync", fd=0),
    76: _Signature("truncate", path=0),
    77: _Signature("ftruncate", fd=0),
    82: _Signature("rename", path=0),
    83: _Signature("mkdir", path=0),
    84: _Signature("rmdir", path=0),
    86: _Signature("link", path=0),
    87: _Signature("unlink", path=0),
    88: _Signature("symlink", path=1),
    89: _Signature("readlink", path=0),
    90: _Signature("chmod", path=0),
    91: _Signature("fchmod", fd=0),
    92: _Signature("chown", path=0),
    93: _Signature("fchown", fd=0),
    94: _Signature("lchown", path=0),
    188: _Signature("setxattr", path=0),
    189: _Signature("lsetxattr", path=0),
    190: _Signature("fsetxattr", fd=0),
    191: _Signature("getxattr", path=0),
    192: _Signature("lgetxattr", path=0),
    193: _Signature("fgetxattr", fd=0),
    194: _Signature("listxattr", path=0),
    195: _Signature("llistxattr", path=0),
    196: _Signature("flistxattr", fd=0),
    217: _Signature("getdents64", fd=0),
    257: _Signature("openat", fd=0, path=1),
    258: _Signature("mkdirat", fd=0, path=1),
    260: _Signature("fchownat", fd=0, path=1),
    262: _Signature("newfstatat", fd=0, path=1),
    263: _Signature("unlinkat", fd=0, path=1),
    264: _Signature("renameat", fd=0, path=1),
    265: _Signature("linkat", fd=0, path=1),
    266: _Signature("symlinkat", fd=1, path=2),
    267: _Signature("readlinkat", fd=0, path=1),
    268: _Signature("fchmodat", fd=0, path=1),
    269: _Signature("faccessat", fd=0, path=1),
    277: _Signature("sync_file_range", fd=0),
    280: _Signature("utimensat", fd=0, path=1),
    285: _Signature("fallocate", fd=0),
    306: _Signature("syncfs", fd=0),
    316: _Signature("renameat2", fd=0, path=1),
    326: _Signature("copy_file_range", fd=2, length=4),
    332: _Signature("statx", fd=0, path=1),
    439: _Signature("faccessat2", fd=0, path=1),
}
MOVES_BYTES = {each.name for each in _CALLS.values() if each.length is not None}

# In the order of ``user_regs_struct`` (arch/x86/include/asm/user_64.h).
_REGISTER_NAMES = (
    *("r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx"),
    *("rsi", "rdi", "orig_rax", "rip", "cs", "eflags", "rsp", "ss", "fs_base", "gs_base"),
    *("ds", "es", "fs", "gs"),
)
_REGISTERS = ("rdi", "rsi", "rdx", "r10", "r8", "r9")
_AT_FDCWD = -100
_PAGE = 4096


class _Registers(ctypes.Structure):
    """The ``user_regs_struct`` of x86-64."""

    _fields_ = [(name, ctypes.c_ulong) for name in _REGISTER_NAMES]


# Of linux/ptrace.h, linux/seccomp.h and linux/prctl.h.
_TRACEME, _CONT, _GETREGS, _SETREGS, _SYSCALL = 0, 7, 12, 13, 24
_SETOPTIONS, _EVENT_SECCOMP = 0x4200, 7
_FORK, _VFORK, _CLONE, _EXEC, _SECCOMP, _EXITKILL = (1 << bit for bit in (1, 2, 3, 4, 7, 20))
_WALL = 0x40000000
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_RET_TRACE, _RET_ALLOW = 0x7FF00000, 0x7FFF0000


def trace(
    function: Callable[[], int], root: Path, decide: Callable[[int, Call], Fault | None]
) -> int:
    """Runs a function in a traced child process.

    Args:
        function: What to run; the child ends with what it returns.
        root: Only calls that concern files below this directory are counted and decided.
        decide: Says what becomes of a call, given its number from 1 on; None to let it be.

    Returns:
        The exit code, or the number of the signal that ended the child, negated.
    """
    child = os.fork()
    if child == 0:
        _run(function)
    tracer = _Tracer(child, f"{root}/", decide)
    return tracer.follow()


def is_supported() -> bool:
    """Whether this machine lets a process trace its children, and is one whose calls are known."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return False
    child = os.fork()
    if child == 0:
        _run(lambda: 0)
    _, status = os.waitpid(child, 0)
    if os.WIFSTOPPED(status):
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return os.WIFSTOPPED(status)


def _run(function: Callable[[], int]) -> NoReturn:
    """Runs a function as a child that is traced, and ends the process."""
    code = 99
    try:
        _become_traced()
        code = function()
    finally:
        os._exit(code)


def _become_traced() -> None:
    """Asks to be traced, and to be stopped at the calls that may be decided."""
    _ptrace(_TRACEME, 0)
    os.kill(os.getpid(), signal.SIGSTOP)

    def instruction(code: int, yes: int, no: int, value: int) -> bytes:
        return struct.pack("=HBBI", code, yes, no, value)

    numbers = sorted(_CALLS)
    filter_ = instruction(0x20, 0, 0, 0)  # Load the number of the call.
    for position, number in enumerate(numbers):
        filter_ += instruction(0x15, len(numbers) - position, 0, number)  # Jump if equal.
    filter_ += instruction(0x06, 0, 0, _RET_ALLOW) + instruction(0x06, 0, 0, _RET_TRACE)
    buffer = ctypes.create_string_buffer(filter_, len(filter_))
    program = struct.pack("HxxxxxxP", len(numbers) + 3, ctypes.addressof(buffer))
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _check(_libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, program, 0, 0))


class _Tracer:
    """Follows a child, with its threads and its own children, until all have ended."""

    def __init__(self, child: int, root: str, decide: Callable[[int, Call], Fault | None]) -> None:
        self.child, self.root, self.decide = child, root, decide
        self.count = 0
        self.results: dict[int, int] = {}

    def follow(self) -> int:
        _, status = os.waitpid(self.child, 0)
        assert os.WIFSTOPPED(status)
        options = _FORK | _VFORK | _CLONE | _EXEC | _SECCOMP | _EXITKILL
        _ptrace(_SETOPTIONS, self.child, options)
        _ptrace(_CONT, self.child)
        known, code = {self.child}, 0
        while True:
            try:
                process, status = os.waitpid(-1, _WALL)
            except ChildProcessError:
                return code
            if not os.WIFSTOPPED(status):
                if process == self.child:
                    code = os.waitstatus_to_exitcode(status)
                continue
            stop, event = os.WSTOPSIG(status), status >> 16
            delivered = 0
            if event == _EVENT_SECCOMP:
                self._decide(process)
                continue
            if process in self.results:
                self._answer(process)
            elif event == 0 and (stop != signal.SIGSTOP or process in known):
                delivered = stop
            known.add(process)
            _resume(_CONT, process, delivered)

    def _decide(self, process: int) -> None:
        registers = _Registers()
        try:
            _ptrace(_GETREGS, process, 0, ctypes.addressof(registers))
        except ProcessLookupError:  # It was killed meanwhile.
            return
        signature = _CALLS[registers.orig_rax]
        path = self._path(process, signature, registers)
        fault = None
        if path.startswith(self.root):
            self.count += 1
            fault = self.decide(self.count, Call(signature.name, path))
        if fault is None:
            _resume(_CONT, process)
        elif fault.kind == "kill":
            for victim in (self.child, process):  # Other processes end with the child.
                os.kill(victim, signal.SIGKILL)
        elif fault.kind == "short":
            if signature.length is not None:
                register = _REGISTERS[signature.length]
                setattr(registers, register, (getattr(registers, register) + 1) // 2)
                _ptrace(_SETREGS, process, 0, ctypes.addressof(registers))
            _resume(_CONT, process)
        elif signature.name == "close":  # Linux closes it, whatever it says.
            self.results[process] = fault.errno
            _resume(_SYSCALL, process)
        else:
            registers.orig_rax = ctypes.c_ulong(-1).value
            registers.rax = ctypes.c_ulong(-fault.errno).value
            _ptrace(_SETREGS, process, 0, ctypes.addressof(registers))
            _resume(_CONT, process)

    def _answer(self, process: int) -> None:
        """Replaces the result of a call that has been carried out."""
        registers = _Registers()
        _ptrace(_GETREGS, process, 0, ctypes.addressof(registers))
        registers.rax = ctypes.c_ulong(-self.results.pop(process)).value
        _ptrace(_SETREGS, process, 0, ctypes.addressof(registers))

    def _path(self, process: int, signature: _Signature, registers: _Registers) -> str:
        arguments = [getattr(registers, name) for name in _REGISTERS]
        base = "cwd"
        if signature.fd is not None:
            number = ctypes.c_int(arguments[signature.fd]).value
            if number != _AT_FDCWD:
                base = f"fd/{number}"
        path = ""
        if signature.path is not None:
            path = _text(process, arguments[signature.path])
        if not path.startswith("/"):
            try:
                directory = Path(f"/proc/{process}/{base}").readlink()
            except OSError:
                return ""
            path = f"{directory}/{path}" if path else str(directory)
        return path


def _text(process: int, address: int) -> str:
    """Reads a string that ends in a zero from the memory of a process."""
    found = b""
    with Path(f"/proc/{process}/mem").open("rb", 0) as memory:
        while address and b"\0" not in found:
            memory.seek(address)
            part = memory.read(_PAGE - address % _PAGE)
            found, address = found + part, address + len(part)
    return os.fsdecode(found.partition(b"\0")[0])


def _resume(request: int, process: int, delivered: int = 0) -> None:
    with contextlib.suppress(ProcessLookupError):  # It was killed meanwhile.
        _ptrace(request, process, 0, delivered)


def _ptrace(request: int, process: int, *arguments: int) -> None:
    address, data = (*arguments, 0, 0)[:2]
    if request == _SETOPTIONS:
        address, data = 0, address
    _libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    _libc.ptrace.restype = ctypes.c_long
    _check(_libc.ptrace(request, process, address, data))


def _check(result: int) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
