/* SPDX-License-Identifier: MIT */
/*
 * main - a worker: loads one plugin and serves one service, never privileged.
 *
 *	Landlock 1 -> load -> config -> [check, info end here]
 *	           -> start -> Landlock 2 -> sandbox -> ready -> go -> serve
 *
 * The master (master/spawn.c) has dropped all privileges before it executes this program.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sysexits.h>
#include <syslog.h>

#include "common/promise.h"
#include "worker/alone.h"
#include "worker/child.h"
#include "worker/connector.h"
#include "worker/keeper.h"
#include "worker/layers.h"
#include "worker/learn.h"
#include "worker/option.h"
#include "worker/plugin.h"
#include "worker/process.h"
#include "worker/report.h"
#include "worker/sandbox.h"
#include "worker/sandbox_info.h"
#include "worker/service.h"
#include "worker/stdio.h"
#include "worker/target.h"
#include "worker/tcp.h"
#include "worker/thread.h"
#include "worker/watch.h"

static void refuse(const char *why)
{
	/* On the command line the path of the plugin is the place. */
	if (strchr(service.where, ':') == NULL)
		report_state(MESSAGE_WRONG, "%s: %s", service.handler, why);
	else
		report_state(MESSAGE_WRONG, "%s: %s: %s", service.where, service.handler, why);
	service.config_wrong = true;
}

/* What the plugin asks for, the administrator must have granted. */
static void check_promises(void)
{
	uint32_t missing = plugin_promises() & ~service.settings->promises;
	char why[PLUGIN_WHY_SIZE];

	if (missing == 0 || service.settings->unsandboxed)
		return;
	(void)snprintf(why, sizeof(why),
		       "it asks for the promise \"%s\": grant it with \"sandbox += %s\"",
		       promise_word(missing & -missing), promise_word(missing & -missing));
	refuse(why);
}

static bool is_forking(void)
{
	return service.settings->mode == MODE_SERVE &&
	       service.settings->concurrency == CONCURRENCY_PROCESS;
}

/* What is forked has one thread, whatever there was before. */
static void check_concurrency(void)
{
	uint32_t promises = plugin_promises() | service.settings->promises;

	if (service.settings->concurrency != CONCURRENCY_PROCESS)
		return;
	if (promises & PROMISE_THREADS)
		refuse("its promise \"threads\" does not go with \"concurrency = process\": "
		       "threads are not there after a fork");
	if (service.settings->on_violation == VIOLATION_LEARN)
		refuse("\"on_violation = learn\" does not go with \"concurrency = process\": "
		       "learn with \"thread\", then change it");
}

/* Each listener needs a handler of its kind. */
static void check_handlers(void)
{
	const struct settings *settings = service.settings;

	if (settings->tcp_listeners > 0 && service.plugin.stream == NULL)
		refuse("it has no handler for TCP: remove the /tcp words from \"listen\"");
	if (settings->listeners > settings->tcp_listeners && service.plugin.datagram == NULL)
		refuse("it has no handler for UDP: remove the /udp words from \"listen\"");
	if (settings->mode == MODE_STDIO && service.plugin.stream == NULL)
		refuse("it has no handler for streams");
}

static void configure(void)
{
	service.in_config = true;
	if (service.plugin.config != NULL && service.plugin.config(&service) == -1 &&
	    !service.config_wrong)
		refuse("its config failed, and did not say why");
	service.in_config = false;
	option_refuse_unasked();
}

/* Everything that -t checks.  Returns EX_OK or EX_CONFIG, having reported why. */
static int load(void)
{
	char why[PLUGIN_WHY_SIZE];

	if (plugin_load(why) == -1) {
		refuse(why);
		return EX_CONFIG;
	}
	if (service.settings->mode == MODE_INFO)
		return EX_OK;
	check_promises();
	check_concurrency();
	check_handlers();
	configure();
	return service.config_wrong ? EX_CONFIG : EX_OK;
}

static int fail(const char *what)
{
	report_state(MESSAGE_FAILED, "%s: %s", what, strerror(errno));
	return EX_OSERR;
}

static int start_plugin(void)
{
	if (service.plugin.start == NULL || service.plugin.start(&service) == 0)
		return EX_OK;
	report_state(MESSAGE_FAILED, "\"%s\" could not start: %m", service.plugin.name);
	return EX_TEMPFAIL;
}

/* The kernel without seccomp is the one failure that an administrator may overrule. */
static int fail_sandbox(void)
{
	if (errno == EBUSY && learn_is_on()) {
		report_state(MESSAGE_FAILED,
			     "\"on_violation = learn\" does not work here: another program, "
			     "such as a container's, watches system calls already");
		return EX_OSERR;
	}
	if (errno != ENOSYS) /* the master looks for it */
		return fail("cannot enter the sandbox");
	report_state(MESSAGE_FAILED, "this kernel has no seccomp filters: without them only "
				     "\"sandbox = none\" can run");
	return EX_OSERR;
}

/* sandbox = none means that; learn lets pass what it learns. */
static bool is_confined(void)
{
	return !service.settings->unsandboxed && service.settings->on_violation != VIOLATION_LEARN;
}

/* Before anything of the plugin: can "landlock = require" be kept?  Then Landlock's first layer. */
static int confine_loading(void)
{
	const struct layers_grants grants = layers_of_service();
	int abi = lsm_landlock_abi(), needs;
	const char *key;

	if (!is_confined())
		return EX_OK;
	key = layers_find_unmet(&grants, abi, false, &needs);
	if (key != NULL && service.settings->landlock == LANDLOCK_REQUIRE) {
		errno = ENOSYS; /* the master looks for it */
		report_state(
			MESSAGE_FAILED,
			"\"landlock = require\": \"%s\" needs Landlock ABI %d, and this kernel "
			"has %d (0 is none): \"best-effort\" would go on without",
			key, needs, abi);
		return EX_OSERR;
	}
	return layers_enter_first() == 0 ? EX_OK : fail("cannot protect files from the plugin");
}

/* What the administrator wrote and will not get. */
static void warn_about_lists(const struct layers_grants *grants)
{
	const uint32_t writing = PROMISE_WPATH | PROMISE_CPATH;
	int abi = lsm_landlock_abi(), needs;
	const char *key = layers_find_unmet(grants, abi, true, &needs);

	if (service.settings->landlock == LANDLOCK_OFF)
		return;
	if (key != NULL)
		report_log(LOG_WARNING,
			   "\"%s\" is not enforced: it needs Landlock ABI %d, and this kernel has "
			   "%d (0 is none)",
			   key, needs, abi);
	if (abi > 0 && (grants->promises & PROMISE_RPATH) && grants->reads == 0)
		report_log(LOG_WARNING, "\"sandbox\" grants rpath, but without \"read_paths\" no "
					"file can be opened");
	if (abi > 0 && (grants->promises & writing) && grants->writes == 0)
		report_log(LOG_WARNING, "\"sandbox\" grants wpath or cpath, but without "
					"\"write_paths\" no file can be written");
}

/* What libc needs of files, and then Landlock's second layer. */
static int confine(void)
{
	const struct layers_grants grants = layers_of_service();

	if (!is_confined())
		return EX_OK;
	warn_about_lists(&grants);
	if (!alone_wait()) {
		report_state(MESSAGE_FAILED,
			     "\"%s\" has created threads: it must ask for the promise \"threads\", "
			     "and create them in its start",
			     service.plugin.name);
		return EX_SOFTWARE;
	}
	if (sandbox_warm_up(grants.promises) == -1)
		return fail("cannot warm up");
	return layers_enter_second(&grants) == 0 ? EX_OK : fail("cannot restrict files and ports");
}

static int check_alone(void)
{
	if (!is_forking() || alone_wait())
		return EX_OK;
	refuse("it has created threads, which do not go with \"concurrency = process\"");
	return EX_CONFIG;
}

/* Threads that exist are not bound by Landlock: who may create some starts behind it. */
static int start(void)
{
	bool is_early = (service.settings->promises & PROMISE_THREADS) != 0;
	int status = is_early ? confine() : EX_OK;

	if (status == EX_OK)
		status = start_plugin();
	if (status == EX_OK)
		status = check_alone();
	if (status == EX_OK && !is_early)
		status = confine();
	return status;
}

static int enter_sandbox(uint32_t listeners)
{
	uint32_t promises = service.settings->promises;

	if (service.settings->unsandboxed)
		return EX_OK;
	if (is_forking())
		promises |= PROMISE_FORKER;
	if (sandbox_prepare(promises, listeners) == -1 || sandbox_enter() == -1)
		return fail_sandbox();
	return EX_OK;
}

/* The first that opens descriptors is child_init(): what it finds open, children keep. */
static int prepare_to_serve(void)
{
	if (thread_init() == -1 || (is_forking() && child_init() == -1) || keeper_init() == -1 ||
	    tcp_init() == -1 || (is_forking() && process_init() == -1))
		return fail("cannot prepare to serve");
	return EX_OK;
}

static int serve(void)
{
	int status;

	if (target_seal() == -1)
		return fail("cannot seal the targets");
	status = start();
	if (status == EX_OK)
		status = prepare_to_serve();
	if (status == EX_OK)
		status = enter_sandbox(service.settings->listeners);
	if (status != EX_OK)
		return status;
	if (!is_forking() && thread_start() == -1)
		return fail_sandbox();
	report_state(MESSAGE_READY, "%s", plugin_handlers());
	return keeper_run();
}

static int check(void)
{
	report_state(MESSAGE_READY, "%s", plugin_handlers());
	return EX_OK;
}

static int info(void)
{
	plugin_print();
	return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
}

static int run_stdio(void)
{
	int status = start();

	if (status == EX_OK)
		status = enter_sandbox(0);
	if (status != EX_OK)
		return status;
	if (!service.settings->unsandboxed && sandbox_enter_thread() == -1)
		return fail_sandbox();
	return stdio_serve();
}

static int print_sandbox(void)
{
	sandbox_info_print(stdout);
	return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
}

static int run_connector(void)
{
	return connector_main(CONNECTOR_IDLE_MS);
}

static const struct {
	bool loads; /* the plugin, first */
	int (*run)(void);
} modes[] = {
	[MODE_SERVE] = {true, serve},
	[MODE_CHECK] = {true, check},
	[MODE_INFO] = {true, info},
	[MODE_STDIO] = {true, run_stdio},
	[MODE_CONNECTOR] = {false, run_connector},
	[MODE_SANDBOX] = {false, print_sandbox},
};

static int run_mode(void)
{
	uint32_t mode = service.settings->mode;
	int status = EX_OK;

	if (mode >= ARRAY_SIZE(modes))
		return EX_SOFTWARE;
	if (mode == MODE_SERVE)
		watch_init();
	if (modes[mode].loads)
		status = confine_loading();
	if (status == EX_OK && modes[mode].loads)
		status = load();
	return status == EX_OK ? modes[mode].run() : status;
}

/* A program that the plugin executes gets none of these (the master left them open for us). */
static void close_on_exec(void)
{
	int end = WORKER_FD_LISTENERS + (int)service.settings->listeners;

	for (int fd = WORKER_FD_COMMANDS; fd < end; fd++)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC); /* EBADF: this mode has no use for it */
}

int main(void)
{
	int status;

	(void)signal(SIGPIPE, SIG_IGN);	 /* cannot fail for a valid signal */
	(void)prctl(PR_SET_DUMPABLE, 0); /* no ptrace by others of this uid; best effort */
	if (service_init(&service) == -1) {
		(void)fprintf(stderr, "cservd-worker: to be started by cservd only\n");
		return EX_USAGE;
	}
	close_on_exec();
	status = run_mode();
	/* Not exit(): handlers registered by a plugin, and destructors of libraries, would run
	 * beside its live threads. */
	_exit(status);
}
