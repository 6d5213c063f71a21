/* SPDX-License-Identifier: MIT */
/*
 * denied - tries the system call the client names and answers "NAME: error", where error is
 * the name of the errno value or "done".
 */
#include <cservd/plugin.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
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

/* A handler knows no descriptor numbers, so an attacker would try them all. */
static long try_shutdown_listener(void)
{
	int listening;
	socklen_t size = sizeof(listening);

	for (int fd = 3; fd < FIRST_FDS; fd++) {
		if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening)
			return shutdown(fd, SHUT_RD);
	}
	return 0;
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

/* With SIGSYS blocked the kernel ends the process instead of trapping. */
static long try_blocked_openat(void)
{
	sigset_t all;

	(void)sigfillset(&all); /* neither call can fail with these arguments */
	(void)pthread_sigmask(SIG_BLOCK, &all, NULL);
	return try_openat();
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
	{"mmap", try_mmap_exec},
	{"shutdown", try_shutdown_listener},
	{"ptrace", try_ptrace},
	{"kill", try_kill},
	{"sigaction", try_sigaction},
	{"getpid", try_getpid},
	{"blocked", try_blocked_openat},
};

static const char *attempt(const char *word)
{
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		if (strcmp(word, attempts[i].word) == 0)
			return attempts[i].try() < 0 ? strerrorname_np(errno) : "done";
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
