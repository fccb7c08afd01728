"""Numbers of the system calls that a sandbox refuses, by what they do, on x86-64 and on arm64.

None: that processor does not have it. From 424 on every processor has the same.
"""

import os
from types import MappingProxyType
from typing import NamedTuple

LAST = 462  # mseal, Linux 6.10: whatever came later is refused as if the kernel were older, until it has been looked at


class Number(NamedTuple):
    """One system call's numbers."""

    x86_64: int | None
    aarch64: int | None


def _numbers(**calls: tuple[int | None, int | None] | int) -> MappingProxyType[str, Number]:
    both = {name: (told, told) if isinstance(told, int) else told for name, told in calls.items()}
    return MappingProxyType({name: Number(*told) for name, told in both.items()})


# fmt: off
KERNEL = _numbers(  # nobody of ours has any business with these
    ptrace=(101, 117), process_vm_readv=(310, 270), process_vm_writev=(311, 271), kcmp=(312, 272),
    pidfd_getfd=438, process_madvise=440, process_mrelease=448,
    mount=(165, 40), umount2=(166, 39), pivot_root=(155, 41), chroot=(161, 51), open_tree=428, move_mount=429,
    fsopen=430, fsconfig=431, fsmount=432, fspick=433, mount_setattr=442,
    unshare=(272, 97), setns=(308, 268), personality=(135, 92),
    bpf=(321, 280), perf_event_open=(298, 241), userfaultfd=(323, 282),
    io_uring_setup=425, io_uring_enter=426, io_uring_register=427,
    add_key=(248, 217), request_key=(249, 218), keyctl=(250, 219),
    init_module=(175, 105), finit_module=(313, 273), delete_module=(176, 106),
    kexec_load=(246, 104), kexec_file_load=(320, 294), reboot=(169, 142), syslog=(103, 116), acct=(163, 89),
    swapon=(167, 224), swapoff=(168, 225), quotactl=(179, 60), quotactl_fd=443, fanotify_init=(300, 262),
    name_to_handle_at=(303, 264), open_by_handle_at=(304, 265), uselib=(134, None), modify_ldt=(154, None),
    iopl=(172, None), ioperm=(173, None),
)
EXEC = _numbers(execve=(59, 221), execveat=(322, 281))
FORK = _numbers(fork=(57, None), vfork=(58, None))
SOCKETS = _numbers(
    socket=(41, 198), socketpair=(53, 199), bind=(49, 200), listen=(50, 201), connect=(42, 203),
    mq_open=(240, 180), shmget=(29, 194), msgget=(68, 186), semget=(64, 190),
)
ACCEPT = _numbers(accept=(43, 202), accept4=(288, 242))
FILES = _numbers(  # by path; what is open already is read and written as ever
    open=(2, None), openat=(257, 56), openat2=437, creat=(85, None), memfd_create=(319, 279), memfd_secret=447,
    truncate=(76, 45), chdir=(80, 49), mkdir=(83, None), mkdirat=(258, 34), rmdir=(84, None),
    unlink=(87, None), unlinkat=(263, 35), rename=(82, None), renameat=(264, 38), renameat2=(316, 276),
    link=(86, None), linkat=(265, 37), symlink=(88, None), symlinkat=(266, 36), mknod=(133, None), mknodat=(259, 33),
    chmod=(90, None), fchmodat=(268, 53), fchmodat2=452, chown=(92, None), lchown=(94, None), fchownat=(260, 54),
    utime=(132, None), utimes=(235, None), futimesat=(261, None), utimensat=(280, 88),
    setxattr=(188, 5), lsetxattr=(189, 6), removexattr=(197, 14), lremovexattr=(198, 15),
)
SIGNALS = _numbers(
    kill=(62, 129), tkill=(200, 130), rt_sigqueueinfo=(129, 138), rt_tgsigqueueinfo=(297, 240), pidfd_send_signal=424,
)
ASKED = _numbers(socket=(41, 198), clone=(56, 220), clone3=435, tgkill=(234, 131), seccomp=(317, 277))
# fmt: on

ARCHITECTURES = MappingProxyType({"x86_64": 0xC000003E, "aarch64": 0xC00000B7})  # linux/audit.h, AUDIT_ARCH_…


def machine() -> str:
    """This processor's name if it is one of those known here, else none."""
    name = os.uname().machine
    return name if name in ARCHITECTURES and os.sysconf("SC_LONG_BIT") == 64 else ""
