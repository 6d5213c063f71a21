/* SPDX-License-Identifier: MIT */
/*
 * main - a worker: loads one plugin and serves one service, never privileged.
 *
 *	load -> config -> [check, info end here] -> start -> sandbox -> ready -> go -> serve
 *
 * The master (master/spawn.c) has dropped all privileges before it executes this program.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sysexits.h>
#include <syslog.h>

#include "common/promise.h"
#include "worker/connector.h"
#include "worker/keeper.h"
#include "worker/option.h"
#include "worker/plugin.h"
#include "worker/report.h"
#include "worker/sandbox.h"
#include "worker/service.h"
#include "worker/stdio.h"
#include "worker/target.h"
#include "worker/tcp.h"
#include "worker/thread.h"

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
		       "it asks for the promise \"%s\", but this version grants \"stdio\" only",
		       promise_word(missing & -missing));
	refuse(why);
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
	if (errno != ENOSYS) /* the master looks for it */
		return fail("cannot enter the sandbox");
	report_state(MESSAGE_FAILED, "this kernel has no seccomp filters: without them only "
				     "\"sandbox = none\" can run");
	return EX_OSERR;
}

static int enter_sandbox(uint32_t listeners)
{
	if (service.settings->unsandboxed)
		return EX_OK;
	if (sandbox_prepare(service.settings->promises, listeners) == -1 || sandbox_enter() == -1)
		return fail_sandbox();
	return EX_OK;
}

static int serve(void)
{
	int status;

	if (target_seal() == -1)
		return fail("cannot seal the targets");
	status = start_plugin();
	if (status != EX_OK)
		return status;
	if (keeper_init() == -1 || thread_init() == -1 || tcp_init() == -1)
		return fail("cannot prepare to serve");
	status = enter_sandbox(service.settings->listeners);
	if (status != EX_OK)
		return status;
	if (thread_start() == -1)
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
	int status = start_plugin();

	if (status == EX_OK)
		status = enter_sandbox(0);
	if (status != EX_OK)
		return status;
	if (!service.settings->unsandboxed && sandbox_enter_thread() == -1)
		return fail_sandbox();
	return stdio_serve();
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
};

static int run_mode(void)
{
	uint32_t mode = service.settings->mode;
	int status = EX_OK;

	if (mode >= ARRAY_SIZE(modes))
		return EX_SOFTWARE;
	if (modes[mode].loads)
		status = load();
	return status == EX_OK ? modes[mode].run() : status;
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
	status = run_mode();
	/* Not exit(): handlers registered by a plugin, and destructors of libraries, would run
	 * beside its live threads. */
	_exit(status);
}
