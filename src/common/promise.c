/* SPDX-License-Identifier: MIT */
/* promise - the table of rules: this is the policy. */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "common/promise.h"

/* The rows below: who brings the rule, the call, conditions on its arguments. */
#define ALLOW(who, name, ...)                                                \
	{                                                                    \
		.syscall = (name), .promises = (who), .arg = { __VA_ARGS__ } \
	}
#define FAIL(who, name, code, ...)                                                             \
	{                                                                                      \
		.syscall = (name), .promises = (who), .answer = ANSWER_ERRNO, .error = (code), \
		.arg = { __VA_ARGS__ }                                                         \
	}
#define BITS(i, m, v)                                                       \
	{                                                                   \
		.index = (i), .mask = (uint32_t)(m), .value = (uint32_t)(v) \
	}
#define IS(i, v) BITS(i, UINT32_MAX, v)
#define OWN_PID(i)                                                \
	{                                                         \
		.index = (i), .own_pid = true, .mask = UINT32_MAX \
	}

#define STDIO	PROMISE_STDIO
#define INET	PROMISE_INET
#define DNS	PROMISE_DNS
#define RPATH	PROMISE_RPATH
#define WPATH	PROMISE_WPATH
#define CPATH	PROMISE_CPATH
#define UNIX	PROMISE_UNIX
#define THREADS PROMISE_THREADS
#define PROC	PROMISE_PROC
#define EXEC	PROMISE_EXEC
#define POOL	PROMISE_POOL
#define CORE	PROMISE_CORE
#define PROGRAM PROMISE_PROGRAM
#define FORKER	PROMISE_FORKER

#define OPTION(level, name) ALLOW(STDIO, "setsockopt", IS(1, level), IS(2, name))

/* SOCK_NONBLOCK and SOCK_CLOEXEC ride in the same argument as the type. */
#define SOCKET_TYPE_MASK 0xf
#define SOCKET_ARGS(family, type, protocol) \
	IS(0, family), BITS(1, SOCKET_TYPE_MASK, type), IS(2, protocol)
#define SOCKET(who, family, type, protocol) \
	ALLOW(who, "socket", SOCKET_ARGS(family, type, protocol))

/* O_TMPFILE contains O_DIRECTORY, which reading a directory needs. */
#define TMPFILE	       (O_TMPFILE & ~O_DIRECTORY)
#define CREATING       (O_CREAT | TMPFILE)
#define NOT_READING    (O_ACCMODE | O_TRUNC | O_APPEND | CREATING)
#define READS(i)       BITS(i, NOT_READING, O_RDONLY)
#define CREATES_NOT(i) BITS(i, CREATING, 0)

/* What pthread_create(3) of glibc asks for: exactly this makes a thread and nothing else. */
#define THREAD_FLAGS                                                                        \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | \
	 CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)

/* What fork(3) of glibc asks for, and nothing else. */
#define FORK_FLAGS (CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD)

/* A new process or thread must not come with a tracer, or with namespaces of its own. */
#define NAMESPACES                                                                      \
	(CLONE_PTRACE | CLONE_UNTRACED | CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | \
	 CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)
#define NOT_FORKING (CLONE_THREAD | NAMESPACES)

/* Options of SOL_SOCKET by ranges of their numbers; those that attach or lock a filter, 26, 27, 44
 * and above, are in neither. */
#define OPTIONS_0_TO_15(level)	ALLOW(PROGRAM, "setsockopt", IS(1, level), BITS(2, ~15, 0))
#define OPTIONS_16_TO_23(level) ALLOW(PROGRAM, "setsockopt", IS(1, level), BITS(2, ~7, 16))

/*
 * Rules of one call, if none of them contains the other, have conditions on the same arguments: of
 * others libseccomp 2.5 made a filter for aarch64 that compared the wrong argument and allowed too
 * much.  test_filter finds that.
 *
 * The kernel remembers the verdict on a call that has no condition in any filter (Linux 5.11):
 * what a connection does often stays free of conditions.  Where several promises allow a call,
 * the row of the one to recommend comes first.
 */
const struct promise_rule promise_rules[] = {
	/* stdio: bytes through descriptors that are open already */
	ALLOW(STDIO, "read"),
	ALLOW(STDIO, "readv"),
	ALLOW(STDIO, "write"),
	ALLOW(STDIO, "writev"),
	ALLOW(STDIO, "pread64"),
	ALLOW(STDIO, "pwrite64"),
	ALLOW(STDIO, "preadv"),
	ALLOW(STDIO, "pwritev"),
	ALLOW(STDIO, "lseek"),
	ALLOW(STDIO, "recvfrom"),
	ALLOW(STDIO, "recvmsg"),
	ALLOW(STDIO, "recvmmsg"),
	ALLOW(STDIO, "sendto"),
	ALLOW(STDIO, "sendmsg"),
	ALLOW(STDIO, "sendmmsg"),
	ALLOW(STDIO, "shutdown"),
	ALLOW(STDIO, "close"),
	ALLOW(STDIO, "fstat"),
	ALLOW(STDIO, "getsockname"),
	ALLOW(STDIO, "getpeername"),
	ALLOW(STDIO, "getsockopt"),
	ALLOW(STDIO, "poll"),
	ALLOW(STDIO, "ppoll"),
	ALLOW(STDIO, "select"),
	ALLOW(STDIO, "pselect6"),
	ALLOW(STDIO, "epoll_create1"),
	ALLOW(STDIO, "epoll_ctl"),
	ALLOW(STDIO, "epoll_wait"),
	ALLOW(STDIO, "epoll_pwait"),
	ALLOW(STDIO, "epoll_pwait2"),
	ALLOW(STDIO, "eventfd2"),
	ALLOW(STDIO, "pipe2"),
	ALLOW(STDIO, "timerfd_create"),
	ALLOW(STDIO, "timerfd_settime"),
	ALLOW(STDIO, "timerfd_gettime"),
	/* fstat(3) of glibc 2.33 to 2.38; a filter cannot see that the path is empty */
	ALLOW(STDIO, "newfstatat", BITS(3, AT_EMPTY_PATH, AT_EMPTY_PATH)),
	ALLOW(STDIO, "fcntl", IS(1, F_GETFL)),
	ALLOW(STDIO, "fcntl", IS(1, F_SETFL)),
	ALLOW(STDIO, "fcntl", IS(1, F_GETFD)),
	ALLOW(STDIO, "fcntl", IS(1, F_SETFD)),
	ALLOW(STDIO, "ioctl", IS(1, FIONREAD)),
	ALLOW(STDIO, "ioctl", IS(1, FIONBIO)),
	FAIL(STDIO, "ioctl", ENOTTY, IS(1, TCGETS)), /* isatty(3) */
	OPTION(SOL_SOCKET, SO_KEEPALIVE),
	OPTION(SOL_SOCKET, SO_LINGER),
	OPTION(SOL_SOCKET, SO_RCVTIMEO),
	OPTION(SOL_SOCKET, SO_SNDTIMEO),
	OPTION(SOL_SOCKET, SO_SNDBUF),
	OPTION(SOL_SOCKET, SO_RCVBUF),
	OPTION(SOL_SOCKET, SO_RCVLOWAT),
	OPTION(SOL_SOCKET, SO_REUSEADDR),
	OPTION(IPPROTO_TCP, TCP_NODELAY),
	OPTION(IPPROTO_TCP, TCP_CORK),
	OPTION(IPPROTO_TCP, TCP_QUICKACK),
	OPTION(IPPROTO_TCP, TCP_KEEPIDLE),
	OPTION(IPPROTO_TCP, TCP_KEEPINTVL),
	OPTION(IPPROTO_TCP, TCP_KEEPCNT),
	OPTION(IPPROTO_TCP, TCP_USER_TIMEOUT),
	OPTION(IPPROTO_IP, IP_TOS),
	OPTION(IPPROTO_IP, IP_RECVERR),
	OPTION(IPPROTO_IPV6, IPV6_TCLASS),
	OPTION(IPPROTO_IPV6, IPV6_RECVERR),
	OPTION(IPPROTO_IPV6, IPV6_V6ONLY),

	/* stdio: memory, never executable.  glibc takes a failing brk for a new break. */
	ALLOW(STDIO, "brk"),
	ALLOW(STDIO, "munmap"),
	ALLOW(STDIO, "mremap"),
	ALLOW(STDIO, "madvise"),
	ALLOW(STDIO, "mmap", BITS(2, PROT_EXEC, 0)),
	ALLOW(STDIO, "mprotect", BITS(2, PROT_EXEC, 0)),

	/* stdio: threads among themselves, time, chance */
	ALLOW(STDIO, "futex"),
	ALLOW(STDIO, "sched_yield"),
	ALLOW(STDIO, "sched_getaffinity"),
	ALLOW(STDIO, "set_robust_list"),
	ALLOW(STDIO, "get_robust_list"),
	ALLOW(STDIO, "rseq"),
	ALLOW(STDIO, "membarrier"),
	ALLOW(STDIO, "clock_gettime"),
	ALLOW(STDIO, "clock_getres"),
	ALLOW(STDIO, "gettimeofday"),
	ALLOW(STDIO, "time"),
	ALLOW(STDIO, "getcpu"),
	ALLOW(STDIO, "nanosleep"),
	ALLOW(STDIO, "clock_nanosleep"),
	ALLOW(STDIO, "getitimer"),
	ALLOW(STDIO, "getrandom"),

	/* stdio: about this process */
	ALLOW(STDIO, "getpid"),
	ALLOW(STDIO, "gettid"),
	ALLOW(STDIO, "getppid"),
	ALLOW(STDIO, "getuid"),
	ALLOW(STDIO, "geteuid"),
	ALLOW(STDIO, "getgid"),
	ALLOW(STDIO, "getegid"),
	ALLOW(STDIO, "getresuid"),
	ALLOW(STDIO, "getresgid"),
	ALLOW(STDIO, "getgroups"),
	ALLOW(STDIO, "getpgid"),
	ALLOW(STDIO, "getpgrp"),
	ALLOW(STDIO, "getsid"),
	ALLOW(STDIO, "getrusage"),
	ALLOW(STDIO, "times"),
	ALLOW(STDIO, "uname"),
	ALLOW(STDIO, "sysinfo"),
	/* getrlimit(3).  Half a pointer is compared; pid 0 keeps the rest to this process. */
	ALLOW(STDIO, "prlimit64", IS(0, 0), IS(2, 0)),
	ALLOW(STDIO, "prctl", IS(0, PR_SET_NAME)),
	ALLOW(STDIO, "prctl", IS(0, PR_GET_NAME)),
	ALLOW(STDIO, "prctl", IS(0, PR_SET_VMA)),

	/* stdio: signals and the end.  Without restart_syscall, SIGSTOP in poll(2) would kill. */
	ALLOW(STDIO, "rt_sigreturn"),
	ALLOW(STDIO, "rt_sigprocmask"),
	ALLOW(STDIO, "rt_sigpending"),
	ALLOW(STDIO, "sigaltstack"),
	ALLOW(STDIO, "restart_syscall"),
	ALLOW(STDIO, "exit"),
	ALLOW(STDIO, "exit_group"),
	ALLOW(STDIO, "tgkill", OWN_PID(0)),

	/*
	 * Never trapped: glibc blocks all signals around the making of a process, and SIGSYS
	 * while blocked kills.  After ENOSYS it tries the older call.
	 */
	FAIL(STDIO, "clone", EPERM, BITS(0, CLONE_THREAD, 0)),
	FAIL(STDIO, "clone", EPERM, BITS(0, CLONE_THREAD, CLONE_THREAD)),
	FAIL(STDIO, "fork", EPERM),
	FAIL(STDIO, "vfork", EPERM),
	FAIL(STDIO, "clone3", ENOSYS),
	FAIL(STDIO, "openat2", ENOSYS),
	FAIL(STDIO, "io_uring_setup", ENOSYS),

	/* inet */
	SOCKET(INET | DNS, AF_INET, SOCK_STREAM, 0),
	SOCKET(INET | DNS, AF_INET, SOCK_STREAM, IPPROTO_TCP),
	SOCKET(INET | DNS, AF_INET, SOCK_DGRAM, 0),
	SOCKET(INET | DNS, AF_INET, SOCK_DGRAM, IPPROTO_UDP),
	SOCKET(INET | DNS, AF_INET6, SOCK_STREAM, 0),
	SOCKET(INET | DNS, AF_INET6, SOCK_STREAM, IPPROTO_TCP),
	SOCKET(INET | DNS, AF_INET6, SOCK_DGRAM, 0),
	SOCKET(INET | DNS, AF_INET6, SOCK_DGRAM, IPPROTO_UDP),
	ALLOW(INET | DNS | UNIX, "connect"),
	ALLOW(INET | DNS, "bind"),

	/* unix */
	SOCKET(UNIX, AF_UNIX, SOCK_STREAM, 0),
	SOCKET(UNIX, AF_UNIX, SOCK_DGRAM, 0),
	SOCKET(UNIX, AF_UNIX, SOCK_SEQPACKET, 0),

	/* rpath */
	ALLOW(RPATH, "openat", READS(2)),
	ALLOW(RPATH, "open", READS(1)),
	ALLOW(RPATH | PROGRAM, "newfstatat"),
	ALLOW(RPATH | PROGRAM, "stat"),
	ALLOW(RPATH | PROGRAM, "lstat"),
	ALLOW(RPATH | PROGRAM, "statx"),
	ALLOW(RPATH | PROGRAM, "readlink"),
	ALLOW(RPATH | PROGRAM, "readlinkat"),
	ALLOW(RPATH | PROGRAM, "access"),
	ALLOW(RPATH | PROGRAM, "faccessat"),
	ALLOW(RPATH | PROGRAM, "faccessat2"),
	ALLOW(RPATH | PROGRAM, "getcwd"),
	ALLOW(RPATH | PROGRAM, "chdir"),
	ALLOW(RPATH | PROGRAM, "fchdir"),
	ALLOW(RPATH | PROGRAM, "getdents64"),
	ALLOW(RPATH | PROGRAM, "statfs"),
	ALLOW(RPATH | PROGRAM, "fstatfs"),
	ALLOW(RPATH | PROGRAM, "fadvise64"),
	ALLOW(RPATH | PROGRAM, "readahead"),
	ALLOW(RPATH | PROGRAM, "sendfile"),

	/* wpath */
	ALLOW(WPATH, "openat", CREATES_NOT(2)),
	ALLOW(WPATH, "open", CREATES_NOT(1)),
	ALLOW(WPATH | PROGRAM, "ftruncate"),
	ALLOW(WPATH | PROGRAM, "fsync"),
	ALLOW(WPATH | PROGRAM, "fdatasync"),
	ALLOW(WPATH, "fallocate"),
	ALLOW(WPATH, "sync_file_range"),
	ALLOW(WPATH, "utimensat"),
	ALLOW(WPATH, "fchmod"),

	/* cpath */
	ALLOW(CPATH | PROGRAM, "openat"),
	ALLOW(CPATH | PROGRAM, "open"),
	ALLOW(CPATH | PROGRAM, "creat"),
	ALLOW(CPATH, "mkdir"),
	ALLOW(CPATH, "mkdirat"),
	ALLOW(CPATH, "rmdir"),
	ALLOW(CPATH, "unlink"),
	ALLOW(CPATH, "unlinkat"),
	ALLOW(CPATH, "rename"),
	ALLOW(CPATH, "renameat"),
	ALLOW(CPATH, "renameat2"),
	ALLOW(CPATH, "link"),
	ALLOW(CPATH, "linkat"),
	ALLOW(CPATH, "symlink"),
	ALLOW(CPATH, "symlinkat"),

	/* dns: getaddrinfo(3) reads its files, asks for our addresses, and tries nscd's socket */
	ALLOW(DNS, "openat", READS(2)),
	ALLOW(DNS, "newfstatat"),
	SOCKET(DNS, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE),
	FAIL(DNS, "socket", EACCES, SOCKET_ARGS(AF_UNIX, SOCK_STREAM, 0)),

	/* threads, and the worker's own */
	ALLOW(THREADS | POOL | CORE, "clone", IS(0, THREAD_FLAGS)),

	/* proc */
	ALLOW(PROC, "clone", BITS(0, NOT_FORKING, 0)),
	ALLOW(PROC | PROGRAM, "fork"),
	ALLOW(PROC | PROGRAM, "vfork"),
	ALLOW(PROC | PROGRAM, "wait4"),
	ALLOW(PROC | PROGRAM, "waitid"),
	ALLOW(PROC | PROGRAM, "kill"),
	ALLOW(PROC | PROGRAM, "setsid"),
	ALLOW(PROC | PROGRAM, "setpgid"),
	ALLOW(PROC | PROGRAM, "tgkill"), /* raise(3) and abort(3) in a child */

	/* exec */
	ALLOW(EXEC, "execve"),
	ALLOW(EXEC, "execveat"),

	/*
	 * exec: what programs need, for they inherit the filter.  Files are left to Landlock,
	 * sockets of their own to inet, dns and unix; memory may be executable, as their libraries
	 * are.
	 */
	ALLOW(PROGRAM, "mmap"),
	ALLOW(PROGRAM, "mprotect"),
	ALLOW(PROGRAM, "msync"),
	ALLOW(PROGRAM, "mincore"),
	ALLOW(PROGRAM, "mlock"),
	ALLOW(PROGRAM, "mlock2"),
	ALLOW(PROGRAM, "munlock"),
	ALLOW(PROGRAM, "memfd_create"),
	ALLOW(PROGRAM, "arch_prctl"),
	ALLOW(PROGRAM, "set_tid_address"),
	ALLOW(PROGRAM, "clone", BITS(0, NAMESPACES, 0)),
	ALLOW(PROGRAM, "rt_sigaction"),
	ALLOW(PROGRAM, "rt_sigsuspend"),
	ALLOW(PROGRAM, "signalfd"),
	ALLOW(PROGRAM, "pause"),
	ALLOW(PROGRAM, "alarm"),
	ALLOW(PROGRAM, "setitimer"),
	ALLOW(PROGRAM, "timer_create"),
	ALLOW(PROGRAM, "timer_settime"),
	ALLOW(PROGRAM, "timer_gettime"),
	ALLOW(PROGRAM, "timer_getoverrun"),
	ALLOW(PROGRAM, "timer_delete"),
	ALLOW(PROGRAM, "dup"),
	ALLOW(PROGRAM, "dup2"),
	ALLOW(PROGRAM, "dup3"),
	ALLOW(PROGRAM, "pipe"),
	ALLOW(PROGRAM, "close_range"),
	ALLOW(PROGRAM, "fcntl"),
	ALLOW(PROGRAM, "ioctl"),
	ALLOW(PROGRAM, "flock"),
	ALLOW(PROGRAM, "preadv2"),
	ALLOW(PROGRAM, "pwritev2"),
	ALLOW(PROGRAM, "copy_file_range"),
	ALLOW(PROGRAM, "splice"),
	ALLOW(PROGRAM, "tee"),
	ALLOW(PROGRAM, "epoll_create"),
	ALLOW(PROGRAM, "eventfd"),
	ALLOW(PROGRAM, "inotify_init1"),
	ALLOW(PROGRAM, "inotify_add_watch"),
	ALLOW(PROGRAM, "inotify_rm_watch"),
	ALLOW(PROGRAM, "socketpair", IS(0, AF_UNIX)),
	ALLOW(PROGRAM, "accept"),
	OPTIONS_0_TO_15(SOL_SOCKET),
	OPTIONS_16_TO_23(SOL_SOCKET),
	ALLOW(PROGRAM, "setsockopt", IS(1, IPPROTO_TCP), BITS(2, ~127, 0)),
	ALLOW(PROGRAM, "setsockopt", IS(1, IPPROTO_IP), BITS(2, ~127, 0)),
	ALLOW(PROGRAM, "setsockopt", IS(1, IPPROTO_IPV6), BITS(2, ~127, 0)),
	ALLOW(PROGRAM, "getdents"),
	ALLOW(PROGRAM, "getxattr"),
	ALLOW(PROGRAM, "lgetxattr"),
	ALLOW(PROGRAM, "fgetxattr"),
	ALLOW(PROGRAM, "listxattr"),
	ALLOW(PROGRAM, "llistxattr"),
	ALLOW(PROGRAM, "flistxattr"),
	ALLOW(PROGRAM, "umask"),
	ALLOW(PROGRAM, "getrlimit"),
	ALLOW(PROGRAM, "setrlimit"),
	ALLOW(PROGRAM, "prlimit64", IS(0, 0)),
	ALLOW(PROGRAM, "getpriority"),
	ALLOW(PROGRAM, "setpriority"),
	ALLOW(PROGRAM, "sched_getparam"),
	ALLOW(PROGRAM, "sched_getscheduler"),
	ALLOW(PROGRAM, "sched_get_priority_max"),
	ALLOW(PROGRAM, "sched_get_priority_min"),
	ALLOW(PROGRAM, "sched_setaffinity"),
	ALLOW(PROGRAM, "capget"),
	ALLOW(PROGRAM, "prctl", IS(0, PR_SET_PDEATHSIG)),
	ALLOW(PROGRAM, "prctl", IS(0, PR_GET_DUMPABLE)),
	ALLOW(PROGRAM, "prctl", IS(0, PR_SET_DUMPABLE)),
	ALLOW(PROGRAM, "prctl", IS(0, PR_CAPBSET_READ)),
	ALLOW(PROGRAM, "prctl", IS(0, PR_SET_NO_NEW_PRIVS)),
	ALLOW(PROGRAM, "prctl", IS(0, PR_GET_NO_NEW_PRIVS)),
	ALLOW(PROGRAM, "prctl", IS(0, PR_SET_CHILD_SUBREAPER)),

	/* the worker's own threads */
	ALLOW(POOL, "accept4"),
	ALLOW(CORE, "seccomp", IS(0, SECCOMP_SET_MODE_FILTER), IS(1, 0)),
	ALLOW(PROGRAM, "rt_sigtimedwait"),
	ALLOW(PROGRAM, "signalfd4"),

	/*
	 * concurrency = process.  Its children inherit these rules, and with the connection filter
	 * lose them again; so their own id, which nobody knows yet, is checked only there.
	 */
	ALLOW(FORKER, "clone", IS(0, FORK_FLAGS)),
	FAIL(FORKER, "clone", EPERM, BITS(0, CLONE_THREAD | CLONE_VM, CLONE_VM)), /* posix_spawn */
	ALLOW(FORKER, "socketpair", IS(0, AF_UNIX)),
	ALLOW(FORKER, "dup3"),
	ALLOW(FORKER, "close_range"),
	ALLOW(FORKER, "prctl", IS(0, PR_SET_PDEATHSIG)),
	ALLOW(FORKER, "tgkill"),
	ALLOW(FORKER, "waitid"),
};

const size_t promise_rule_count = ARRAY_SIZE(promise_rules);
