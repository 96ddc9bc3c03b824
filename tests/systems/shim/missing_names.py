"""The modules, and the names of modules, that Python lacks on each system.

Source: the "Availability" notes of https://docs.python.org/3/library/, and the `#ifdef`s of CPython's Modules/.
"""

from __future__ import annotations

MISSING_MODULES: dict[str, frozenset[str]] = {
    "windows": frozenset(
        {
            *("_posixsubprocess", "crypt", "fcntl", "grp", "posix", "pty", "pwd", "resource", "spwd", "syslog"),
            *("termios", "tty"),
        }
    ),
    "macos": frozenset(),
}

MISSING_NAMES: dict[str, dict[str, frozenset[str]]] = {
    system: {module: frozenset(names.split()) for module, names in modules.items()}
    for system, modules in {
        "windows": {
            "os": """
                O_ASYNC O_CLOEXEC O_DIRECT O_DIRECTORY O_DSYNC O_NDELAY O_NOATIME O_NOCTTY O_NOFOLLOW O_NONBLOCK O_PATH
                O_RSYNC O_SYNC O_TMPFILE WNOHANG chown chroot confstr ctermid environb eventfd fchdir fchmod fchown
                fdatasync fork forkpty fpathconf fstatvfs fwalk getegid getenvb geteuid getgid getgrouplist getgroups
                getloadavg getpgid getpgrp getpriority getresgid getresuid getsid getuid getxattr initgroups killpg
                lchown listxattr lockf login_tty major makedev memfd_create minor mkfifo mknod nice openpty pathconf
                pidfd_open posix_fadvise posix_fallocate posix_openpt posix_spawn posix_spawnp pread preadv pwrite
                pwritev readv register_at_fork removexattr sched_getaffinity sched_get_priority_max sched_setaffinity
                sched_yield sendfile setegid seteuid setgid setgroups setns setpgid setpgrp setpriority setregid
                setresgid setresuid setreuid setsid setuid setxattr splice statvfs sync sysconf tcgetpgrp tcsetpgrp
                ttyname uname unshare wait wait3 wait4 waitid writev
            """,
            "time": """
                CLOCK_BOOTTIME CLOCK_MONOTONIC CLOCK_MONOTONIC_RAW CLOCK_PROCESS_CPUTIME_ID CLOCK_REALTIME CLOCK_TAI
                CLOCK_THREAD_CPUTIME_ID clock_getres clock_gettime clock_gettime_ns clock_settime clock_settime_ns
                pthread_getcpuclockid tzset
            """,
            "signal": """
                ITIMER_PROF ITIMER_REAL ITIMER_VIRTUAL SIGALRM SIGBUS SIGCHLD SIGCLD SIGCONT SIGHUP SIGIO SIGKILL
                SIGPIPE SIGPOLL SIGPROF SIGPWR SIGQUIT SIGRTMAX SIGRTMIN SIGSTOP SIGSYS SIGTRAP SIGTSTP SIGTTIN SIGTTOU
                SIGURG SIGUSR1 SIGUSR2 SIGVTALRM SIGWINCH SIGXCPU SIGXFSZ SIG_BLOCK SIG_SETMASK SIG_UNBLOCK
                alarm getitimer pause pthread_kill pthread_sigmask setitimer siginterrupt sigpending sigtimedwait
                sigwait sigwaitinfo
            """,
            "socket": """
                AF_NETLINK AF_PACKET AF_UNIX CMSG_LEN CMSG_SPACE MSG_DONTWAIT MSG_NOSIGNAL SCM_RIGHTS SOCK_CLOEXEC
                SOCK_NONBLOCK SO_BINDTODEVICE SO_PEERCRED SO_REUSEPORT recv_fds send_fds
            """,
            "select": """
                EPOLLERR EPOLLET EPOLLHUP EPOLLIN EPOLLOUT POLLERR POLLHUP POLLIN POLLOUT devpoll epoll kqueue poll
            """,
            "selectors": "DevpollSelector EpollSelector KqueueSelector PollSelector",
            "asyncio": "open_unix_connection start_unix_server get_child_watcher SafeChildWatcher ThreadedChildWatcher",
            "socketserver": "ForkingMixIn ForkingTCPServer ThreadingUnixStreamServer UnixStreamServer",
        },
        "macos": {
            "os": """
                O_DIRECT O_NOATIME O_PATH O_RSYNC O_TMPFILE eventfd fdatasync getresgid getresuid getxattr listxattr
                memfd_create pidfd_open posix_fadvise posix_fallocate removexattr sched_getaffinity sched_setaffinity
                setns setresgid setresuid setxattr splice unshare
            """,
            "time": "CLOCK_BOOTTIME CLOCK_TAI clock_settime clock_settime_ns pthread_getcpuclockid",
            "signal": "SIGCLD SIGPOLL SIGPWR SIGRTMAX SIGRTMIN sigtimedwait sigwaitinfo",
            "socket": "AF_NETLINK AF_PACKET MSG_NOSIGNAL SOCK_CLOEXEC SOCK_NONBLOCK SO_MARK SO_PEERCRED",
            "select": "EPOLLERR EPOLLET EPOLLHUP EPOLLIN EPOLLOUT epoll",
            "selectors": "EpollSelector",
        },
    }.items()
}  # fmt: skip
