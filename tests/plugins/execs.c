/* SPDX-License-Identifier: MIT */
/* execs - runs the program that the client names, by words, with its output to the client. */
#include <cservd/plugin.h>
#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS 16

static int split(char *line, char *words[WORDS + 1])
{
	int count = 0;

	for (char *word = strtok(line, " "); word != NULL && count < WORDS;
	     word = strtok(NULL, " "))
		words[count++] = word;
	words[count] = NULL;
	return count;
}

static int run(int fd, char *words[])
{
	char *const env[] = {(char *)"PATH=/usr/bin:/bin", NULL};
	posix_spawn_file_actions_t actions;
	int error, status;
	pid_t pid;

	error = posix_spawn_file_actions_init(&actions);
	if (error == 0)
		error = posix_spawn_file_actions_adddup2(&actions, fd, STDOUT_FILENO);
	if (error == 0)
		error = posix_spawnp(&pid, words[0], &actions, NULL, words, env);
	(void)posix_spawn_file_actions_destroy(&actions); /* cannot fail */
	errno = error;
	if (error != 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	errno = ECHILD;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int stream(struct cservd_conn *conn)
{
	char line[1024], *words[WORDS + 1];
	int got, status;

	got = cservd_readline(conn, line, sizeof(line));
	if (got != 1 || split(line, words) == 0)
		return got;
	status = run(cservd_fd(conn), words);
	if (status == 0)
		return 0;
	return cservd_printf(conn, "%s\n", status < 0 ? strerrorname_np(errno) : "failed");
}

CSERVD_PLUGIN(.name = "execs", .version = "1", .sandbox = "exec", .stream = stream);
