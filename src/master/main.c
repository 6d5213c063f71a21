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
#include <sys/resource.h>
#include <sysexits.h>

#include "common/log.h"
#include "common/lsm.h"
#include "master/check.h"
#include "master/child.h"
#include "master/config.h"
#include "master/daemon.h"
#include "master/image.h"
#include "master/loop.h"
#include "master/options.h"
#include "master/spawn.h"
#include "master/supervise.h"
#include "master/world.h"

#define IDENT "cservd"

/* A configuration being put to use. */
struct setup {
	const struct options *options;
	struct config *config;
	char *path;  /* of the file to read again */
	int *images; /* the plugin of each service */
	struct config_errors errors;
};

static struct setup *running; /* what supervise.c is told about */

static int log_level(const struct setup *setup, const struct config *config)
{
	int level = config->log_level + setup->options->verbose;

	return level < LOG_DEBUG ? level : LOG_DEBUG;
}

/* Lists what is wrong where the caller sees it. */
static int report_errors(struct setup *setup)
{
	log_init(IDENT, LOG_INFO, false);
	config_errors_sort(&setup->errors);
	for (size_t i = 0; i < setup->errors.count; i++)
		log_error("%s", setup->errors.lines[i]);
	return EX_CONFIG;
}

/* Makes everything ready to start workers.  EX_OK, or an exit status. */
static int prepare_workers(const struct setup *setup, const struct config *config, bool keep_stderr)
{
	log_init(IDENT, log_level(setup, config), false);
	child_init(log_level(setup, config));
	if (spawn_init(keep_stderr) < 0)
		return EX_OSERR;
	if (loop_init() == 0)
		return EX_OK;
	log_error("cannot create an event loop: %m");
	return EX_OSERR;
}

static void check_right(const struct config *config, const int *images,
			struct config_errors *errors)
{
	CLEANUP_FREE struct check *checks = calloc(config->count + 1, sizeof(*checks));
	size_t count = 0;

	for (size_t i = 0; checks != NULL && i < config->count; i++) {
		if (images[i] >= 0)
			checks[count++] = (struct check){.service = &config->services[i],
							 .plugin = images[i]};
	}
	if (checks == NULL || check_run(checks, count, MODE_CHECK, errors) < 0)
		config_errors_add(errors, (struct place){.file = NULL}, "cannot run workers: %m");
}

/*
 * What the plugins of the other services say of their options: all that is wrong with a file is
 * listed in one go.  Where the file itself is right, its plugins were vetted before.
 */
static void check_the_rest(struct setup *setup, bool keep_stderr)
{
	struct config_errors known = {0};
	struct config *config = config_load_partly(setup->options->config, &known);
	int *images = NULL;

	if (config != NULL)
		images = image_open_right(config, setup->config ? &known : &setup->errors);
	if (images != NULL && prepare_workers(setup, config, keep_stderr) == EX_OK)
		check_right(config, images, &setup->errors);
	if (images != NULL)
		image_close_all(images, config->count);
	config_destroy(config);
	config_errors_finish(&known);
}

/* Opens the plugins as well. */
static int prepare(struct setup *setup, bool keep_stderr)
{
	if (setup->config != NULL)
		setup->images = image_open_all(setup->config, &setup->errors);
	if (setup->images != NULL)
		return prepare_workers(setup, setup->config, keep_stderr);
	if (setup->options->handler == NULL)
		check_the_rest(setup, keep_stderr);
	return report_errors(setup);
}

static void finish(struct setup *setup)
{
	config_errors_finish(&setup->errors);
	if (setup->config != NULL)
		image_close_all(setup->images, setup->config->count);
	config_destroy(setup->config);
	free(setup->path);
}

static bool is_to_syslog(const struct setup *setup)
{
	if (setup->config->log == LOG_TO_AUTO)
		return setup->options->daemon;
	return setup->config->log == LOG_TO_SYSLOG;
}

static void log_as_configured(const struct setup *setup)
{
	log_init(IDENT, log_level(setup, setup->config), is_to_syslog(setup));
}

static void on_ready(size_t serving)
{
	(void)serving;
	if (!running->options->daemon)
		return;
	/* Until here whoever started us was to see what goes wrong. */
	log_as_configured(running);
	if (daemon_ready(!is_to_syslog(running)) < 0)
		log_warning("cannot leave the terminal: %m");
}

static struct config *load_again(int **ret_images, struct config_errors *errors)
{
	struct config *config = config_load(running->path, errors);

	if (config == NULL)
		return NULL;
	*ret_images = image_open_all(config, errors);
	if (*ret_images == NULL) {
		config_destroy(config);
		return NULL;
	}
	child_init(log_level(running, config));
	return config;
}

/* A daemon that gave its stderr away cannot log there any more. */
static void keep_syslog(struct config *config)
{
	if (!running->options->daemon || !is_to_syslog(running) || config->log != LOG_TO_STDERR)
		return;
	log_warning("log = stderr needs a restart: a daemon has left its terminal");
	config->log = LOG_TO_SYSLOG;
}

static void on_reloaded(struct config *adopted)
{
	if (adopted != NULL) {
		keep_syslog(adopted);
		config_destroy(running->config);
		running->config = adopted;
		log_as_configured(running);
	}
	child_init(log_level(running, running->config));
}

static int serve(struct setup *setup, const struct supervise_host *host)
{
	char level[LSM_LEVEL_SIZE];
	int *images;
	int status;

	if (world_init() < 0) {
		log_error("cannot create shared memory: %m");
		return EX_OSERR;
	}
	running = setup;
	log_info("%s", lsm_landlock_level(lsm_landlock_abi(), level));
	images = setup->images;
	setup->images = NULL; /* taken over */
	status = supervise_run(setup->config, images, &setup->errors, host);
	return status == EX_CONFIG ? report_errors(setup) : status;
}

static int serve_with_pid_file(struct setup *setup)
{
	static const struct supervise_host host = {
		.ready = on_ready, .load = load_again, .reloaded = on_reloaded};
	const char *path = setup->options->pid_file;
	CLEANUP_FREE char *absolute = NULL; /* a daemon goes to / */
	int status;

	if (path == NULL)
		return serve(setup, &host);
	if (daemon_write_pid(path) == 0)
		absolute = realpath(path, NULL);
	if (absolute == NULL) {
		log_error("cannot write the pid file \"%s\": %m%s", path,
			  errno == EEXIST ? ", and the cservd in it runs" : "");
		return EX_CANTCREAT;
	}
	status = serve(setup, &host);
	if (unlink(absolute) < 0)
		log_warning("cannot remove the pid file \"%s\": %m", absolute);
	return status;
}

/* A daemon goes to /, where a relative path means another file; NULL with errno. */
static char *make_absolute(const char *path)
{
	CLEANUP_FREE char *here = path[0] == '/' ? NULL : getcwd(NULL, 0);
	char *absolute;

	if (here == NULL)
		return path[0] == '/' ? strdup(path) : NULL;
	return asprintf(&absolute, "%s/%s", here, path) < 0 ? NULL : absolute;
}

static int run(struct setup *setup)
{
	int status;

	setup->path = make_absolute(setup->options->config);
	if (setup->path == NULL) {
		log_error("cannot find \"%s\" from here: %m", setup->options->config);
		return EX_OSERR;
	}
	setup->config = config_load(setup->options->config, &setup->errors);
	if (setup->config != NULL && setup->options->daemon && daemon_begin() < 0) {
		log_error("cannot start in the background: %m");
		return EX_OSERR;
	}
	status = prepare(setup, false);
	if (status != EX_OK)
		return status;
	if (!setup->options->daemon)
		log_as_configured(setup);
	return serve_with_pid_file(setup);
}

/* Runs a worker in this mode for each service.  EX_OK, or an exit status. */
static int check_all(struct setup *setup, enum worker_mode mode, struct check *checks)
{
	for (size_t i = 0; i < setup->config->count; i++)
		checks[i] = (struct check){.service = &setup->config->services[i],
					   .plugin = setup->images[i]};
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

static const struct config_service *find_service(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->count; i++)
		if (strcmp(config->services[i].name, name) == 0)
			return &config->services[i];
	return NULL;
}

static int refuse_service(const struct setup *setup)
{
	CLEANUP_FREE char *names = strdup("");

	for (size_t i = 0; names != NULL && i < setup->config->count; i++) {
		char *longer = NULL;

		if (asprintf(&longer, "%s%s%s", names, i > 0 ? ", " : "",
			     setup->config->services[i].name) < 0)
			break; /* some names are better than none */
		free(names);
		names = longer;
	}
	log_error("\"%s\" has no service \"%s\"; it has: %s", setup->options->config,
		  setup->options->handler, names != NULL ? names : "");
	return EX_USAGE;
}

/* No plugin is loaded for it: what is granted says all. */
static int print_sandbox(struct setup *setup)
{
	struct check check = {.plugin = -1};
	int status;

	setup->config = config_load(setup->options->config, &setup->errors);
	if (setup->config == NULL)
		return report_errors(setup);
	check.service = find_service(setup->config, setup->options->handler);
	if (check.service == NULL)
		return refuse_service(setup);
	status = prepare_workers(setup, setup->config, true);
	if (status != EX_OK)
		return status;
	if (check_run(&check, 1, MODE_SANDBOX, &setup->errors) < 0) {
		log_error("cannot run a worker: %m");
		return EX_OSERR;
	}
	if (setup->errors.count > 0)
		(void)report_errors(setup); /* it is not the configuration that is wrong */
	return check.status >= 0 ? check.status : EX_OSERR;
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
	static const struct supervise_host host = {.ready = on_try_ready};
	struct check check;
	int status;

	setup->config =
		config_from_words(setup->options->handler, setup->options->words, &setup->errors);
	status = prepare(setup, true);
	if (status == EX_OK)
		status = check_all(setup, MODE_CHECK, &check);
	if (status == EX_OK && setup->config->services[0].listeners == 0)
		status = add_usual_listeners(setup, &check);
	return status == EX_OK ? serve(setup, &host) : status;
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
	[ACTION_HELP] = help, [ACTION_VERSION] = version, [ACTION_SANDBOX] = print_sandbox,
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

/* The master holds some descriptors for each service and each worker. */
static void raise_file_limit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return;
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files); /* up to the hard limit everybody may */
}

int main(int argc, char *argv[])
{
	struct options options;
	struct setup setup = {.options = &options};
	char why[OPTIONS_WHY_SIZE];
	int status;

	closefrom(STDERR_FILENO + 1); /* such as the locked file of a script that starts us */
	fill_standard_fds();
	raise_file_limit();
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
