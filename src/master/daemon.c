/* SPDX-License-Identifier: MIT */
/* daemon - leaving the terminal, and the pid file. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <sysexits.h>

#include "master/daemon.h"

static int parent = -1; /* a byte into this pipe: ready */

/* The parent's part. */
static _Noreturn void wait_for_start(int ready, pid_t child)
{
	char byte;
	ssize_t size;
	int status;

	do {
		size = read(ready, &byte, sizeof(byte));
	} while (size < 0 && errno == EINTR);
	if (size == 1)
		_exit(EX_OK);
	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR)
			_exit(EX_OSERR);
	}
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : EX_OSERR);
}

int daemon_begin(void)
{
	int pipe[2];
	pid_t child;

	if (pipe2(pipe, O_CLOEXEC) < 0)
		return -1;
	child = fork();
	if (child > 0) {
		util_close(pipe[1]);
		wait_for_start(pipe[0], child);
	}
	util_close(pipe[0]);
	parent = pipe[1];
	if (child < 0)
		return -1;
	return setsid() < 0 ? -1 : 0;
}

int daemon_ready(bool keep_stderr)
{
	CLEANUP_CLOSE int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || chdir("/") < 0)
		return -1;
	for (int fd = STDIN_FILENO; fd <= (keep_stderr ? STDOUT_FILENO : STDERR_FILENO); fd++) {
		if (dup2(null, fd) < 0)
			return -1;
	}
	(void)!write(parent, "", 1); /* a parent that was killed need not know */
	util_close(parent);
	parent = -1;
	return 0;
}

int daemon_write_pid(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	int error;

	if (fd < 0)
		return -1;
	/* The lock lasts as long as the process: who cannot have it meets a running cservd. */
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && ftruncate(fd, 0) == 0 &&
	    dprintf(fd, "%d\n", (int)getpid()) > 0)
		return 0;
	error = errno == EWOULDBLOCK ? EEXIST : errno;
	util_close(fd);
	errno = error;
	return -1;
}
