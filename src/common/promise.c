/* SPDX-License-Identifier: MIT */
/* promise - the table of rules, and look-ups in it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <string.h>
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

#define OPTION(level, name) ALLOW(STDIO, "setsockopt", IS(1, level), IS(2, name))

/* SOCK_NONBLOCK and SOCK_CLOEXEC ride in the same argument as the type. */
#define SOCKET_TYPE_MASK 0xf
#define SOCKET(who, family, type, protocol) \
	ALLOW(who, "socket", IS(0, family), BITS(1, SOCKET_TYPE_MASK, type), IS(2, protocol))

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

/* A new process must not come with a tracer, or with namespaces of its own. */
#define NOT_FORKING                                                                     \
	(CLONE_THREAD | CLONE_PTRACE | CLONE_UNTRACED | CLONE_NEWNS | CLONE_NEWCGROUP | \
	 CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

/*
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
	ALLOW(UNIX, "socket", IS(0, AF_UNIX)),

	/* rpath */
	ALLOW(RPATH, "openat", READS(2)),
	ALLOW(RPATH, "open", READS(1)),
	ALLOW(RPATH, "newfstatat"),
	ALLOW(RPATH, "stat"),
	ALLOW(RPATH, "lstat"),
	ALLOW(RPATH, "statx"),
	ALLOW(RPATH, "readlink"),
	ALLOW(RPATH, "readlinkat"),
	ALLOW(RPATH, "access"),
	ALLOW(RPATH, "faccessat"),
	ALLOW(RPATH, "faccessat2"),
	ALLOW(RPATH, "getcwd"),
	ALLOW(RPATH, "chdir"),
	ALLOW(RPATH, "fchdir"),
	ALLOW(RPATH, "getdents64"),
	ALLOW(RPATH, "statfs"),
	ALLOW(RPATH, "fstatfs"),
	ALLOW(RPATH, "fadvise64"),
	ALLOW(RPATH, "readahead"),
	ALLOW(RPATH, "sendfile"),

	/* wpath */
	ALLOW(WPATH, "openat", CREATES_NOT(2)),
	ALLOW(WPATH, "open", CREATES_NOT(1)),
	ALLOW(WPATH, "ftruncate"),
	ALLOW(WPATH, "fsync"),
	ALLOW(WPATH, "fdatasync"),
	ALLOW(WPATH, "fallocate"),
	ALLOW(WPATH, "sync_file_range"),
	ALLOW(WPATH, "utimensat"),
	ALLOW(WPATH, "fchmod"),

	/* cpath */
	ALLOW(CPATH, "openat"),
	ALLOW(CPATH, "open"),
	ALLOW(CPATH, "creat"),
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
	FAIL(DNS, "socket", EACCES, IS(0, AF_UNIX)),

	/* threads, and the worker's own */
	ALLOW(THREADS | POOL | CORE, "clone", IS(0, THREAD_FLAGS)),

	/* proc */
	ALLOW(PROC, "clone", BITS(0, NOT_FORKING, 0)),
	ALLOW(PROC, "fork"),
	ALLOW(PROC, "vfork"),
	ALLOW(PROC, "wait4"),
	ALLOW(PROC, "waitid"),
	ALLOW(PROC, "kill"),
	ALLOW(PROC, "setsid"),
	ALLOW(PROC, "setpgid"),

	/* exec */
	ALLOW(EXEC, "execve"),
	ALLOW(EXEC, "execveat"),

	/* the worker's own threads */
	ALLOW(POOL, "accept4"),
	ALLOW(CORE, "seccomp", IS(0, SECCOMP_SET_MODE_FILTER), IS(1, 0)),
	ALLOW(CORE, "rt_sigtimedwait"),
	ALLOW(CORE, "signalfd4"),
};

const size_t promise_rule_count = ARRAY_SIZE(promise_rules);

static const struct {
	const char *word;
	uint32_t bit;
} words[] = {
	{"stdio", PROMISE_STDIO}, {"inet", PROMISE_INET},	{"dns", PROMISE_DNS},
	{"rpath", PROMISE_RPATH}, {"wpath", PROMISE_WPATH},	{"cpath", PROMISE_CPATH},
	{"unix", PROMISE_UNIX},	  {"threads", PROMISE_THREADS}, {"proc", PROMISE_PROC},
	{"exec", PROMISE_EXEC},	  {"status", PROMISE_STATUS},
};

/* Other programs, other processes, the kernel, the view of the file system. */
static const char *const fatal[] = {
	"execve",
	"execveat",
	"ptrace",
	"process_vm_readv",
	"process_vm_writev",
	"process_madvise",
	"pidfd_getfd",
	"kcmp",
	"bpf",
	"perf_event_open",
	"userfaultfd",
	"io_uring_enter",
	"io_uring_register",
	"init_module",
	"finit_module",
	"delete_module",
	"kexec_load",
	"kexec_file_load",
	"reboot",
	"mount",
	"umount2",
	"move_mount",
	"open_tree",
	"fsopen",
	"fsconfig",
	"fsmount",
	"fspick",
	"mount_setattr",
	"pivot_root",
	"chroot",
	"setns",
	"unshare",
	"swapon",
	"swapoff",
	"add_key",
	"request_key",
	"keyctl",
	"modify_ldt",
	"iopl",
	"ioperm",
};

uint32_t promise_parse(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(words[i].word, word) == 0)
			return words[i].bit;
	return 0;
}

const char *promise_word(uint32_t bit)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i].bit == bit)
			return words[i].word;
	return NULL;
}

/* A denied call matches no condition on the own pid: it would have been allowed. */
static bool is_match(const struct promise_rule *rule, const uint64_t args[6])
{
	for (size_t i = 0; i < PROMISE_ARGS; i++) {
		const struct promise_arg *arg = &rule->arg[i];

		if (arg->own_pid || ((uint32_t)args[arg->index] & arg->mask) != arg->value)
			return false;
	}
	return true;
}

const char *promise_hint(const char *syscall, const uint64_t args[6])
{
	for (size_t i = 0; i < promise_rule_count; i++) {
		const struct promise_rule *rule = &promise_rules[i];

		if (rule->answer != ANSWER_ALLOW || strcmp(rule->syscall, syscall) != 0 ||
		    !is_match(rule, args))
			continue;
		/* What stdio allows, the guard of the listeners denied. */
		if (rule->promises & PROMISE_STDIO)
			return NULL;
		return promise_word(rule->promises & -rule->promises);
	}
	return NULL;
}

bool promise_is_fatal(const char *syscall)
{
	for (size_t i = 0; i < ARRAY_SIZE(fatal); i++)
		if (strcmp(fatal[i], syscall) == 0)
			return true;
	return false;
}
