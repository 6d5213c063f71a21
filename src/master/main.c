/* SPDX-License-Identifier: MIT */
/*
 * main - cservd, the master: does what the command line asks for.
 *
 * Nothing here, nor anywhere in this program, loads a plugin or reads what a client sent.
 */
#include <config.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "common/log.h"
#include "master/check.h"
#include "master/child.h"
#include "master/config.h"
#include "master/daemon.h"
#include "master/loop.h"
#include "master/options.h"
#include "master/spawn.h"
#include "master/supervise.h"
#include "master/vet.h"
#include "master/world.h"

#define IDENT "cservd"

/* A configuration being put to use. */
struct setup {
	const struct options *options;
	struct config *config;
	int *plugins; /* vetted, for each service */
	struct config_errors errors;
};

static const struct setup *running; /* what on_ready() is about */

static int log_level(const struct setup *setup)
{
	int level = setup->config != NULL ? setup->config->log_level : LOG_INFO;

	level += setup->options->verbose;
	return level < LOG_DEBUG ? level : LOG_DEBUG;
}

/* Lists what is wrong where the caller sees it. */
static int report_errors(const struct setup *setup)
{
	log_init(IDENT, LOG_INFO, false);
	for (size_t i = 0; i < setup->errors.count; i++)
		log_error("%s", setup->errors.lines[i]);
	return EX_CONFIG;
}

static int vet_all(struct setup *setup)
{
	size_t count = setup->config->count;

	setup->plugins = calloc(count + 1, sizeof(*setup->plugins));
	if (setup->plugins == NULL)
		return -1;
	for (size_t i = 0; i < count; i++)
		setup->plugins[i] = vet_plugin(&setup->config->services[i], &setup->errors);
	return setup->errors.count > 0 ? -1 : 0;
}

/* Vets the plugins and makes everything ready to start workers.  EX_OK, or an exit status. */
static int prepare(struct setup *setup, bool keep_stderr)
{
	if (setup->config == NULL || vet_all(setup) < 0)
		return report_errors(setup);
	log_init(IDENT, log_level(setup), false);
	child_init(log_level(setup));
	if (spawn_init(keep_stderr) < 0)
		return EX_OSERR;
	if (loop_init() == 0)
		return EX_OK;
	log_error("cannot create an event loop: %m");
	return EX_OSERR;
}

static void finish(struct setup *setup)
{
	config_errors_finish(&setup->errors);
	config_destroy(setup->config);
	free(setup->plugins);
}

static bool is_to_syslog(const struct setup *setup)
{
	if (setup->config->log == LOG_TO_AUTO)
		return setup->options->daemon;
	return setup->config->log == LOG_TO_SYSLOG;
}

static void on_ready(size_t serving)
{
	(void)serving;
	if (!running->options->daemon)
		return;
	/* Until here whoever started us was to see what goes wrong. */
	log_init(IDENT, log_level(running), is_to_syslog(running));
	if (daemon_ready(!is_to_syslog(running)) < 0)
		log_warning("cannot leave the terminal: %m");
}

static int serve(struct setup *setup, void (*ready)(size_t serving))
{
	int status;

	if (world_init() < 0) {
		log_error("cannot create shared memory: %m");
		return EX_OSERR;
	}
	running = setup;
	status = supervise_run(setup->config, setup->plugins, &setup->errors, ready);
	return status == EX_CONFIG ? report_errors(setup) : status;
}

static int serve_with_pid_file(struct setup *setup)
{
	const char *path = setup->options->pid_file;
	CLEANUP_FREE char *absolute = NULL; /* a daemon goes to / */
	int status;

	if (path == NULL)
		return serve(setup, on_ready);
	if (daemon_write_pid(path) == 0)
		absolute = realpath(path, NULL);
	if (absolute == NULL) {
		log_error("cannot write the pid file \"%s\": %m%s", path,
			  errno == EEXIST ? ", and the cservd in it runs" : "");
		return EX_CANTCREAT;
	}
	status = serve(setup, on_ready);
	if (unlink(absolute) < 0)
		log_warning("cannot remove the pid file \"%s\": %m", absolute);
	return status;
}

static int run(struct setup *setup)
{
	int status;

	setup->config = config_load(setup->options->config, &setup->errors);
	if (setup->config != NULL && setup->options->daemon && daemon_begin() < 0) {
		log_error("cannot start in the background: %m");
		return EX_OSERR;
	}
	status = prepare(setup, false);
	if (status != EX_OK)
		return status;
	if (!setup->options->daemon)
		log_init(IDENT, log_level(setup), is_to_syslog(setup));
	return serve_with_pid_file(setup);
}

/* Runs a worker in this mode for each service.  EX_OK, or an exit status. */
static int check_all(struct setup *setup, enum worker_mode mode, struct check *checks)
{
	for (size_t i = 0; i < setup->config->count; i++)
		checks[i] = (struct check){.service = &setup->config->services[i],
					   .plugin = setup->plugins[i]};
	if (check_run(checks, setup->config->count, mode, &setup->errors) < 0) {
		log_error("cannot run workers: %m");
		return EX_OSERR;
	}
	return setup->errors.count > 0 ? report_errors(setup) : EX_OK;
}

static int test(struct setup *setup)
{
	CLEANUP_FREE struct check *checks = NULL;
	int status;

	setup->config = config_load(setup->options->config, &setup->errors);
	status = prepare(setup, true);
	if (status != EX_OK)
		return status;
	checks = calloc(setup->config->count + 1, sizeof(*checks));
	if (checks == NULL)
		return EX_OSERR;
	status = check_all(setup, MODE_CHECK, checks);
	if (status == EX_OK)
		(void)printf("configuration ok: %zu service%s\n", setup->config->count,
			     setup->config->count == 1 ? "" : "s"); /* main() checks stdout */
	return status;
}

static int print_config(struct setup *setup)
{
	setup->config = config_load(setup->options->config, &setup->errors);
	if (setup->config == NULL)
		return report_errors(setup);
	config_print(setup->config, stdout);
	return EX_OK;
}

/* --stdio and --plugin-info: one worker that has our terminal, and its exit status. */
static int run_once(struct setup *setup, enum worker_mode mode)
{
	struct check check = {.status = EX_OSERR};
	int status;

	setup->config =
		config_from_words(setup->options->handler, setup->options->words, &setup->errors);
	status = prepare(setup, true);
	if (status != EX_OK)
		return status;
	if (check_all(setup, mode, &check) == EX_OSERR || check.status < 0)
		return EX_OSERR;
	return check.status;
}

static int run_stdio(struct setup *setup)
{
	return run_once(setup, MODE_STDIO);
}

static int print_plugin(struct setup *setup)
{
	return run_once(setup, MODE_INFO);
}

static void on_try_ready(size_t serving)
{
	const struct config_service *service = &running->config->services[0];
	char text[ENDPOINT_TEXT_SIZE];

	for (size_t i = 0; serving > 0 && i < service->listeners; i++)
		log_info("listening on %s", endpoint_format(&service->listen[i], text));
}

/* Without a LISTEN word --try listens on localhost, for each kind of handler. */
static int add_usual_listeners(struct setup *setup, const struct check *check)
{
	static char tcp[] = "localhost:7007/tcp", udp[] = "localhost:7007/udp";
	CLEANUP_FREE char **words = NULL;
	size_t count = 0;

	while (setup->options->words[count] != NULL)
		count++;
	words = calloc(count + 3, sizeof(*words));
	if (words == NULL)
		return EX_OSERR;
	memcpy(words, setup->options->words, count * sizeof(*words));
	if (check->has_stream)
		words[count++] = tcp;
	if (check->has_datagram)
		words[count++] = udp;
	config_destroy(setup->config);
	setup->config = config_from_words(setup->options->handler, words, &setup->errors);
	return setup->config == NULL ? report_errors(setup) : EX_OK;
}

static int try(struct setup *setup)
{
	struct check check;
	int status;

	setup->config =
		config_from_words(setup->options->handler, setup->options->words, &setup->errors);
	status = prepare(setup, true);
	if (status == EX_OK)
		status = check_all(setup, MODE_CHECK, &check);
	if (status == EX_OK && setup->config->services[0].listeners == 0)
		status = add_usual_listeners(setup, &check);
	return status == EX_OK ? serve(setup, on_try_ready) : status;
}

static int help(struct setup *setup)
{
	(void)setup;
	options_print_help(stdout);
	return EX_OK;
}

static int version(struct setup *setup)
{
	(void)setup;
	(void)puts("cservd " PACKAGE_VERSION); /* main() checks stdout */
	return EX_OK;
}

static int (*const actions[ACTIONS])(struct setup *setup) = {
	[ACTION_RUN] = run,   [ACTION_TEST] = test,	  [ACTION_PRINT] = print_config,
	[ACTION_TRY] = try,   [ACTION_STDIO] = run_stdio, [ACTION_INFO] = print_plugin,
	[ACTION_HELP] = help, [ACTION_VERSION] = version,
};

/* A standard descriptor that the caller closed would come to be a socket of ours.  Writing to
 * what it is now fails as well, so that a lost output is still noticed. */
static void fill_standard_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY); /* like all of 0 to 2, not O_CLOEXEC */
	while (fd >= 0 && fd <= STDERR_FILENO);
	util_close(fd); /* a machine without /dev/null is told by spawn_init() */
}

int main(int argc, char *argv[])
{
	struct options options;
	struct setup setup = {.options = &options};
	char why[OPTIONS_WHY_SIZE];
	int status;

	fill_standard_fds();
	(void)signal(SIGCHLD, SIG_DFL); /* ignored, the kernel would reap our workers itself */
	log_init(IDENT, LOG_INFO, false);
	if (options_parse(argc, argv, &options, why) < 0) {
		log_error("%s; try \"cservd --help\"", why);
		return EX_USAGE;
	}
	status = actions[options.action](&setup);
	finish(&setup);
	if (fflush(stdout) != 0 || ferror(stdout) != 0) {
		log_error("cannot write to standard output: %m");
		return EX_IOERR;
	}
	return status;
}
