/* SPDX-License-Identifier: MIT */
/* spawn - starts cservd-worker, without any privilege. */
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sysexits.h>

#include "common/log.h"
#include "common/message.h"
#include "master/spawn.h"

#ifndef __has_feature
#define __has_feature(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
	__has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

/* [bytes] RLIMIT_FSIZE of a worker: it writes its targets into a memfd, which counts, no file. */
#define FILE_SIZE (128 * 1024)

/*
 * [bytes] of RLIMIT_DATA for the worker itself: libraries, arenas of malloc, rings.  A worker that
 * serves TCP and UDP idly has 17 MiB; the soft limit, which replaces it, must come first.
 */
#define OWN_DATA (64 * 1024 * 1024)

static struct {
	int program; /* O_PATH */
	int null;
	bool keep_stderr;
	bool warned; /* about RLIMIT_NOFILE */
} common = {.program = -1, .null = -1};

/* The variables a worker inherits. */
static const char *const passed[] = {
	"TZ",
#if SANITIZED
	"ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS",
#endif
};

#define ENV_MAX ARRAY_SIZE(passed)

/* The whole environment of a worker; env has ENV_MAX + 1 places. */
static void fill_environment(char *env[])
{
	size_t count = 0;

	for (char **at = environ; *at != NULL; at++) {
		for (size_t i = 0; i < ENV_MAX; i++) {
			size_t len = strlen(passed[i]);

			if (count < ENV_MAX && strncmp(*at, passed[i], len) == 0 &&
			    (*at)[len] == '=')
				env[count++] = *at;
		}
	}
	env[count] = NULL;
}

static int reset_signals(void)
{
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		(void)signal(number, SIG_DFL); /* fails for SIGKILL, SIGSTOP and libc's own */
	return sigemptyset(&none) < 0 ? -1 : sigprocmask(SIG_SETMASK, &none, NULL);
}

/* What should stand at this number of enum worker_fd; -1 for nothing. */
static int source_of(const struct spawn *spawn, int number)
{
	if (number == STDERR_FILENO && common.keep_stderr)
		return STDERR_FILENO;
	if (number <= STDERR_FILENO)
		return common.null;
	if (number < WORKER_FD_LISTENERS)
		return spawn->fd[number];
	return spawn->listeners[number - WORKER_FD_LISTENERS];
}

/*
 * Every descriptor at its number of enum worker_fd, and nothing else open but *program, which
 * execveat() closes.  All are copied above those numbers first, where no dup2() can hit them.
 */
static int arrange_fds(const struct spawn *spawn, int *program)
{
	int end = WORKER_FD_LISTENERS + (int)spawn->listener_count;
	int first = spawn->keeps_terminal ? STDERR_FILENO + 1 : 0;
	int copies[WORKER_FD_LISTENERS + SETTINGS_LISTENERS_MAX];

	*program = fcntl(*program, F_DUPFD_CLOEXEC, end + 1);
	if (*program < 0)
		return -1;
	for (int i = first; i < end; i++) {
		copies[i] = source_of(spawn, i);
		if (copies[i] >= 0)
			copies[i] = fcntl(copies[i], F_DUPFD_CLOEXEC, end);
		if (copies[i] < 0 && source_of(spawn, i) >= 0)
			return -1;
	}
	for (int i = first; i < end; i++) {
		if (copies[i] < 0)
			util_close(i);
		else if (dup2(copies[i], i) < 0)
			return -1;
	}
	/* Now the copies are in nobody's way but the program's. */
	*program = dup3(*program, end, O_CLOEXEC);
	if (*program < 0)
		return -1;
	closefrom(end + 1); /* through /proc where close_range(2) is missing, before Linux 5.9 */
	return 0;
}

static int limit(__rlimit_resource_t resource, rlim_t value)
{
	struct rlimit old, new = {.rlim_cur = value, .rlim_max = value};

	if (getrlimit(resource, &old) < 0)
		return -1;
	if (old.rlim_max != RLIM_INFINITY && value > old.rlim_max)
		new.rlim_cur = new.rlim_max = old.rlim_max;
	return setrlimit(resource, &new);
}

/* The hard end of max_memory: address space that could be written, touched or not.  Not
 * RLIMIT_AS, which arenas of malloc fill with what is only reserved. */
static int limit_memory(const struct spawn *spawn)
{
	uint64_t bytes;

	if (SANITIZED || __builtin_add_overflow(spawn->max_memory, spawn->stacks, &bytes) ||
	    __builtin_add_overflow(bytes, OWN_DATA, &bytes))
		return 0; /* shadow memory counts, too; or unlimited */
	return limit(RLIMIT_DATA, bytes);
}

static int set_limits(const struct spawn *spawn)
{
	if (limit_memory(spawn) < 0)
		return -1;
	if (limit(RLIMIT_NOFILE, spawn->max_files) < 0 || limit(RLIMIT_CORE, 0) < 0)
		return -1;
	if (SANITIZED || spawn->keeps_terminal || spawn->writes_files)
		return 0; /* reports of a sanitizer, and stdout, may be files */
	return limit(RLIMIT_FSIZE, FILE_SIZE);
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

	return (int)syscall(SYS_capset, &header, none); /* no wrapper in glibc */
}

/* For ever: ids, groups, capabilities, and what a set-user-ID program would bring back. */
static int drop_privileges(const struct spawn *spawn)
{
	if (geteuid() == 0) {
		/* Fails past the last capability, and without CAP_SETPCAP in a container that
		 * took it away; no_new_privs then keeps a file from giving one back. */
		for (unsigned long cap = 0; prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0; cap++)
			continue;
		if (setgroups(0, NULL) < 0 || setresgid(spawn->gid, spawn->gid, spawn->gid) < 0 ||
		    setresuid(spawn->uid, spawn->uid, spawn->uid) < 0)
			return -1;
		if (geteuid() == 0 || getegid() == 0) {
			errno = EPERM;
			return -1;
		}
	}
	if (drop_capabilities() < 0)
		return -1;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* A worker must not outlive the master. */
static int tie_to_master(pid_t master)
{
	/* After setresuid(), which forgets it (prctl(2)). */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return -1;
	if (getppid() == master)
		return 0;
	errno = ESRCH;
	return -1;
}

/* The child ends here: its reason travels as the worker's own failure would. */
static _Noreturn void fail(int messages, const char *what)
{
	struct message message = {.type = MESSAGE_FAILED, .error = EIO, .priority = LOG_ERR};

	(void)snprintf(message.text, sizeof(message.text), "cannot %s: %m", what);
	/* Nobody is left to tell if this fails; the exit status still says it. */
	(void)!write(messages, &message, sizeof(message));
	_exit(EX_OSERR);
}

static _Noreturn void become_worker(const struct spawn *spawn, pid_t master)
{
	char *argv[] = {(char[]){"cservd-worker"}, (char[SETTINGS_NAME_SIZE + 2]){""}, NULL};
	char *env[ENV_MAX + 1];
	int program = common.program;

	(void)snprintf(argv[1], SETTINGS_NAME_SIZE + 2, "[%s]", spawn->name); /* it fits */
	fill_environment(env);
	if (reset_signals() < 0)
		fail(spawn->fd[WORKER_FD_MESSAGES], "reset signals");
	/* A group of its own: the terminal's Ctrl-C is for the master, which drains. */
	if (!spawn->keeps_terminal && setpgid(0, 0) < 0)
		fail(spawn->fd[WORKER_FD_MESSAGES], "leave the process group");
	if (arrange_fds(spawn, &program) < 0)
		fail(spawn->fd[WORKER_FD_MESSAGES], "pass descriptors on");
	if (set_limits(spawn) < 0)
		fail(WORKER_FD_MESSAGES, "set resource limits");
	if (drop_privileges(spawn) < 0)
		fail(WORKER_FD_MESSAGES, "drop privileges");
	if (tie_to_master(master) < 0)
		fail(WORKER_FD_MESSAGES, "be tied to the master");
	(void)umask(077); /* returns the old one */
	if (chdir("/") < 0)
		fail(WORKER_FD_MESSAGES, "change to /");
	(void)execveat(program, "", argv, env, AT_EMPTY_PATH); /* returns only to fail */
	fail(WORKER_FD_MESSAGES, "execute cservd-worker");
}

/* The hard limit is the same for all services: saying it once is enough. */
static void warn_about_files(const struct spawn *spawn)
{
	struct rlimit now;

	if (common.warned || getrlimit(RLIMIT_NOFILE, &now) < 0 || spawn->max_files <= now.rlim_max)
		return;
	common.warned = true;
	log_warning("%s: max_connections needs up to %llu open files, but the hard limit is %llu; "
		    "raise it (LimitNOFILE=, ulimit -Hn)",
		    spawn->name, (unsigned long long)spawn->max_files,
		    (unsigned long long)now.rlim_max);
}

/* The worker of a build tree, beside the cservd that runs; -1 if there is none to be trusted. */
static int open_neighbour(void)
{
	char path[PATH_MAX + sizeof("/cservd-worker")];
	ssize_t len = readlink("/proc/self/exe", path, PATH_MAX - 1);
	struct stat file;
	int fd;

	if (len < 0)
		return -1;
	path[len] = '\0';
	path[strlen(dirname(path))] = '\0';
	strcat(path, "/cservd-worker");
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (fstat(fd, &file) == 0 && S_ISREG(file.st_mode) &&
	    (file.st_uid == 0 || file.st_uid == getuid()) &&
	    (geteuid() != 0 || (file.st_mode & (S_IWGRP | S_IWOTH)) == 0))
		return fd;
	util_close(fd);
	return -1;
}

int spawn_init(bool keep_stderr)
{
	common.keep_stderr = keep_stderr;
	common.null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (common.null < 0) {
		log_error("cannot open \"/dev/null\": %m");
		return -1;
	}
	common.program = open_neighbour();
	if (common.program < 0)
		common.program = open(WORKER_PATH, O_PATH | O_CLOEXEC);
	if (common.program < 0)
		log_error("cannot open \"%s\": %m; install cservd completely", WORKER_PATH);
	return common.program < 0 ? -1 : 0;
}

pid_t spawn_worker(const struct spawn *spawn, int *ret_pidfd)
{
	pid_t master = getpid();
	pid_t pid;

	warn_about_files(spawn);
	pid = fork();
	if (pid == 0)
		become_worker(spawn, master);
	if (pid < 0)
		return -1;
	/* Nobody else reaps our children, so the number is still this child's. */
	*ret_pidfd = pidfd_open(pid, 0);
	if (*ret_pidfd < 0) {
		int error = errno;

		(void)kill(pid, SIGKILL); /* a child that cannot be watched must not run */
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			continue;
		errno = error;
		return -1;
	}
	return pid;
}
