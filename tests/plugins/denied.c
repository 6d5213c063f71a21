/* SPDX-License-Identifier: MIT */
/*
 * denied - tries the system call the client names and answers "NAME: error", where error is
 * the name of the errno value or "done".  "NAME COUNT" tries it so often.
 */
#include <cservd/plugin.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/uio.h>
#include <unistd.h>

#define FIRST_FDS 32 /* a worker's listeners are among these descriptors */

static long try_openat(void)
{
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC);
}

static long try_socket(void)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static long try_execve(void)
{
	char *const argv[] = {(char *)"true", NULL};

	return execve("/bin/true", argv, argv + 1);
}

static long try_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid;
}

static void *open_in_thread(void *error)
{
	*(int *)error = try_openat() < 0 ? errno : 0;
	return NULL;
}

/* Creates a thread, as every connection thread may, and lets that one open a file. */
static long try_thread(void)
{
	pthread_t thread;
	int error = 0;

	errno = pthread_create(&thread, NULL, open_in_thread, &error);
	if (errno == 0)
		errno = pthread_join(thread, NULL);
	if (errno == 0)
		errno = error;
	return errno == 0 ? 0 : -1;
}

static long try_mmap_exec(void)
{
	void *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return code == MAP_FAILED ? -1 : 0;
}

static long try_mprotect_exec(void)
{
	static char page[8192] __attribute__((__aligned__(4096)));

	return mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

/* A handler knows no descriptor numbers, so an attacker would try them all. */
static int find_listener(void)
{
	int listening;
	socklen_t size = sizeof(listening);

	for (int fd = 3; fd < FIRST_FDS; fd++) {
		if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening)
			return fd;
	}
	return -1;
}

static long try_shutdown_listener(void)
{
	return shutdown(find_listener(), SHUT_RD);
}

/* Dissolves the address of a socket: a listener then refuses everybody. */
static long try_unspec(void)
{
	const struct sockaddr nobody = {.sa_family = AF_UNSPEC};

	return connect(find_listener(), &nobody, sizeof(nobody));
}

/* A filter that drops every SYN, in the kernel for as long as the socket lives. */
static long try_filter(void)
{
	struct sock_filter drop = {.code = BPF_RET | BPF_K, .k = 0};
	struct sock_fprog program = {.len = 1, .filter = &drop};

	return setsockopt(find_listener(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

/* Some place that no target names. */
static long try_connect(void)
{
	const struct sockaddr_in place = {.sin_family = AF_INET,
					  .sin_port = htons(9),
					  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	return connect(find_listener(), (const struct sockaddr *)&place, sizeof(place));
}

/* A thread of another address space, or of other namespaces, is a process. */
static long try_clone(void)
{
	return syscall(SYS_clone, CLONE_FILES | CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
}

static long try_popen(void)
{
	FILE *pipe = popen("true", "re");

	return pipe != NULL ? pclose(pipe) : -1;
}

static long try_vm(void)
{
	struct iovec none = {.iov_base = NULL};

	return process_vm_writev(getppid(), &none, 1, &none, 1, 0);
}

static long try_uring(void)
{
	return syscall(SYS_io_uring_setup, 1, NULL);
}

/* Where libc itself opens a file. */
static long try_libc(void)
{
	return get_nprocs() > 0 ? 0 : -1;
}

/* The same file, and with a path of libc's own, but asked for by us. */
static long try_libc_path(void)
{
	return open("/sys/devices/system/cpu/online", O_RDONLY | O_CLOEXEC);
}

static long try_resolver(void)
{
	long file = try_openat(), socket = try_socket();

	return file < 0 ? file : socket;
}

static long try_stat(void)
{
	return access("/etc/passwd", R_OK);
}

static long try_ptrace(void)
{
	return syscall(SYS_ptrace, 0, 0, 0, 0);
}

static long try_kill(void)
{
	return kill(getppid(), SIGTERM);
}

static long try_sigaction(void)
{
	return syscall(SYS_rt_sigaction, SIGSYS, NULL, NULL, 8); /* [bytes] of the kernel's mask */
}

static long try_getpid(void)
{
	return getpid() < 0;
}

static long try_block(void)
{
	sigset_t all;

	(void)sigfillset(&all); /* cannot fail */
	errno = pthread_sigmask(SIG_BLOCK, &all, NULL);
	return errno == 0 ? 0 : -1;
}

/* With SIGSYS blocked the kernel ends the process instead of trapping. */
static long try_blocked_openat(void)
{
	return try_block() < 0 ? -1 : try_openat();
}

static const struct {
	const char *word;
	long (*try)(void);
} attempts[] = {
	{"openat", try_openat},
	{"socket", try_socket},
	{"execve", try_execve},
	{"fork", try_fork},
	{"thread", try_thread},
	{"clone", try_clone},
	{"popen", try_popen},
	{"mmap", try_mmap_exec},
	{"mprotect", try_mprotect_exec},
	{"vm", try_vm},
	{"uring", try_uring},
	{"unspec", try_unspec},
	{"filter", try_filter},
	{"connect", try_connect},
	{"libc", try_libc},
	{"libc-path", try_libc_path},
	{"file-and-socket", try_resolver},
	{"access", try_stat},
	{"shutdown", try_shutdown_listener},
	{"ptrace", try_ptrace},
	{"kill", try_kill},
	{"sigaction", try_sigaction},
	{"getpid", try_getpid},
	{"block", try_block},
	{"blocked", try_blocked_openat},
};

static long repeat(long (*try)(void), const char *times)
{
	long result = try();

	for (long left = strtol(times, NULL, 10); left > 1; left--)
		result = try();
	return result;
}

static const char *attempt(const char *word)
{
	size_t length = strcspn(word, " ");

	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		if (strlen(attempts[i].word) == length &&
		    strncmp(word, attempts[i].word, length) == 0)
			return repeat(attempts[i].try, word + length) < 0 ? strerrorname_np(errno)
									  : "done";
	}
	return "unknown";
}

static int stream(struct cservd_conn *conn)
{
	char word[32];
	const char *error;
	int got;

	while ((got = cservd_readline(conn, word, sizeof(word))) == 1) {
		error = attempt(word);
		cservd_log(LOG_INFO, "tried %s: %s", word, error);
		if (cservd_printf(conn, "%s: %s\n", word, error) < 0)
			return -1;
	}
	return got;
}

static int datagram(struct cservd_conn *conn)
{
	char word[32];
	ssize_t got = cservd_read(conn, word, sizeof(word) - 1);

	if (got < 0)
		return -1;
	word[got] = '\0';
	return cservd_printf(conn, "%s: %s", word, attempt(word));
}

CSERVD_PLUGIN(.name = "denied", .version = "1", .stream = stream, .datagram = datagram);
