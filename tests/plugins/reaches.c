/* SPDX-License-Identifier: MIT */
/*
 * reaches - tries what the client says, "VERB WORD", and answers "done" or the name of the errno
 * value.  With opt.early it does so in its start as well, and with opt.thread on a thread that its
 * start creates.
 */
#include <arpa/inet.h>
#include <cservd/plugin.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCK 64

static const char *early = "";
static int in_thread, helpers;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static char asked[256], answer[64];

static int try_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	return fd < 0 ? -1 : close(fd);
}

static int try_read(const char *path)
{
	char block[BLOCK];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int result = fd < 0 || read(fd, block, sizeof(block)) < 0 ? -1 : 0;
	int error = errno;

	if (fd >= 0)
		(void)close(fd); /* only read */
	errno = error;
	return result;
}

static int try_write(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int result = fd < 0 || write(fd, "x", 1) != 1 ? -1 : 0;
	int error = errno;

	if (fd >= 0)
		(void)close(fd); /* its content does not matter */
	errno = error;
	return result;
}

static int try_truncate(const char *path)
{
	return try_open(path, O_WRONLY | O_TRUNC);
}

static int try_create(const char *path)
{
	return try_open(path, O_WRONLY | O_CREAT | O_EXCL);
}

static int try_list(const char *path)
{
	return try_open(path, O_RDONLY | O_DIRECTORY);
}

/* WORD is "FROM>TO". */
static int try_rename(const char *word)
{
	char from[256];
	const char *arrow = strchr(word, '>');

	(void)snprintf(from, sizeof(from), "%.*s", (int)(arrow - word), word); /* fits */
	return rename(from, arrow + 1);
}

static int try_port(const char *port, int (*use)(int, const struct sockaddr *, socklen_t))
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int result, error;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0)
		return -1;
	result = use(fd, (const struct sockaddr *)&addr, sizeof(addr));
	error = errno;
	(void)close(fd);
	errno = error;
	return result;
}

static int try_connect(const char *port)
{
	return try_port(port, connect);
}

static int try_bind(const char *port)
{
	return try_port(port, bind);
}

/* "@NAME" is an abstract socket. */
static int try_unix(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = offsetof(struct sockaddr_un, sun_path) + (socklen_t)strlen(path);
	int result, error;

	if (fd < 0)
		return -1;
	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path); /* fits */
	if (addr.sun_path[0] == '@')
		addr.sun_path[0] = '\0';
	result = connect(fd, (const struct sockaddr *)&addr, len);
	error = errno;
	(void)close(fd);
	errno = error;
	return result;
}

static int try_resolve(const char *name)
{
	struct addrinfo *list;

	if (getaddrinfo(name, NULL, NULL, &list) != 0) {
		errno = ENOENT;
		return -1;
	}
	freeaddrinfo(list);
	return 0;
}

static int try_fork(const char *unused)
{
	int status;
	pid_t pid = fork();

	(void)unused;
	if (pid == 0)
		_exit(3);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	errno = ECHILD;
	return WIFEXITED(status) && WEXITSTATUS(status) == 3 ? 0 : -1;
}

/* A child that aborts dies by SIGABRT, as outside. */
static int try_abort(const char *unused)
{
	int status;
	pid_t pid = fork();

	(void)unused;
	if (pid == 0)
		abort();
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	errno = ECHILD;
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT ? 0 : -1;
}

static int try_kill(const char *pid)
{
	return kill(atoi(pid), 0);
}

static const struct {
	const char *verb;
	int (*try)(const char *word);
} verbs[] = {
	{"read", try_read},	{"write", try_write},	  {"truncate", try_truncate},
	{"create", try_create}, {"list", try_list},	  {"unlink", unlink},
	{"rename", try_rename}, {"connect", try_connect}, {"bind", try_bind},
	{"unix", try_unix},	{"resolve", try_resolve}, {"fork", try_fork},
	{"abort", try_abort},	{"kill", try_kill},
};

/* Splits line in place. */
static const char *attempt(char *line)
{
	char *word = line + strcspn(line, " ");

	if (*word != '\0')
		*word++ = '\0';
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(line, verbs[i].verb) == 0)
			return verbs[i].try(word) < 0 ? strerrorname_np(errno) : "done";
	}
	return "unknown";
}

static void *help(void *unused)
{
	(void)pthread_mutex_lock(&lock); /* cannot fail, here and below */
	for (;;) {
		while (asked[0] == '\0')
			(void)pthread_cond_wait(&changed, &lock);
		(void)snprintf(answer, sizeof(answer), "%s", attempt(asked)); /* fits */
		asked[0] = '\0';
		(void)pthread_cond_broadcast(&changed);
	}
	return unused;
}

static void ask_helper(char *line, char text[sizeof(answer)])
{
	(void)pthread_mutex_lock(&lock);
	(void)snprintf(asked, sizeof(asked), "%s", line); /* fits */
	(void)pthread_cond_broadcast(&changed);
	while (asked[0] != '\0')
		(void)pthread_cond_wait(&changed, &lock);
	memcpy(text, answer, sizeof(answer));
	(void)pthread_mutex_unlock(&lock);
}

static int config(struct cservd_service *service)
{
	cservd_option_text(service, "early", &early);
	cservd_option_bool(service, "thread", &in_thread);
	return 0;
}

static int start(struct cservd_service *service)
{
	char line[256];
	pthread_t thread;

	(void)service;
	if (early[0] != '\0') {
		(void)snprintf(line, sizeof(line), "%s", early); /* fits */
		cservd_log(LOG_INFO, "start: %s", attempt(line));
	}
	errno = in_thread ? pthread_create(&thread, NULL, help, NULL) : 0;
	helpers = in_thread;
	return errno == 0 ? 0 : -1;
}

static int stream(struct cservd_conn *conn)
{
	char line[256], text[sizeof(answer)];
	int got;

	while ((got = cservd_readline(conn, line, sizeof(line))) == 1) {
		if (helpers > 0)
			ask_helper(line, text);
		else
			(void)snprintf(text, sizeof(text), "%s", attempt(line)); /* fits */
		if (cservd_printf(conn, "%s\n", text) < 0)
			return -1;
	}
	return got;
}

CSERVD_PLUGIN(.name = "reaches", .version = "1",
	      .help = "early = what start tries\nthread = whether a thread of start tries",
	      .config = config, .start = start, .stream = stream);
