/* SPDX-License-Identifier: MIT */
/* headprobe - sends HEAD to a configured web server and tells the client how it answered. */
#include <cservd/plugin.h>
#include <errno.h>
#include <string.h>

#include "../common/lines.h"
#include "config.h"
#include "limits.h"

static struct config config;

static int load(struct cservd_service *service)
{
	return config_load(service, &config);
}

static void stop(struct cservd_service *service)
{
	(void)service; /* there is one */
	config_finish(&config);
}

static struct share_target *find_target(const char *name)
{
	for (size_t i = 0; i < config.target_count; i++)
		if (strcmp(config.targets[i].probe.name, name) == 0)
			return &config.targets[i];
	return NULL;
}

/* The error line for a client whose line could not be read; NULL if nobody reads it. */
static const char *ask_problem(int got)
{
	if (got == 0)
		return NULL;
	switch (errno) {
	case ETIMEDOUT: return "ERR timeout request " LIMIT_TEXT(LIMIT_ASK_MS) "ms\n";
	case EMSGSIZE: return "ERR badreq line too long\n";
	case EILSEQ: return "ERR badreq not a text line\n";
	default: return NULL;
	}
}

/* The target that the client names; NULL after it was told why there is none. */
static struct share_target *ask_target(struct cservd_conn *conn, int *ret_result)
{
	struct share_target *target = NULL;
	char buf[LIMIT_ASK_BYTES + 1];
	const char *problem;
	struct lines lines;
	char *name;
	int got;

	lines_init(&lines, conn, buf, sizeof(buf), LIMIT_ASK_MS);
	got = lines_next(&lines, &name);
	if (got != 1)
		problem = ask_problem(got);
	else if (*name == '\0')
		problem = "ERR badreq name a target\n";
	else if ((target = find_target(name)) == NULL)
		problem = "ERR denied target not allowed\n";
	else
		return target;
	*ret_result = problem != NULL ? cservd_write(conn, problem, strlen(problem)) : got;
	return NULL;
}

static int stream(struct cservd_conn *conn)
{
	struct share_target *target;
	struct share_result *report;
	int result = 0;

	target = config.is_asking ? ask_target(conn, &result) : config.targets;
	if (target == NULL)
		return result;
	cservd_deadline(conn, LIMIT_TOTAL_MS);
	report = share_probe(&config.share, target);
	if (report == NULL && errno == EBUSY)
		return cservd_printf(conn, "ERR busy\n");
	if (report == NULL)
		return -1;
	result = cservd_write(conn, report->text, report->len);
	share_release(&config.share, report);
	return result;
}

CSERVD_PLUGIN(.name = "headprobe", .version = CONFIG_VERSION,
	      .help = "mode = fixed (probe opt.target at once) or ask (the client names a target)\n"
		      "target = the http:// address to probe in mode fixed\n"
		      "target.NAME = an address that a client may name in mode ask\n"
		      "host = the Host field, instead of the one in the address\n"
		      "expect = the statuses that are OK (200-399)\n"
		      "head_unsupported = warn, ok or fail: what 405 and 501 mean\n"
		      "max_parallel = how many probes may run at once (16)\n"
		      "min_interval = how long a result is shared (1s)\n",
	      .config = load, .stop = stop, .stream = stream);
