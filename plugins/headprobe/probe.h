/* SPDX-License-Identifier: MIT */
/* probe - sends one HEAD request and reports on the answer. */
#ifndef HEADPROBE_PROBE_H
#define HEADPROBE_PROBE_H

#include <cservd/plugin.h>
#include <stdbool.h>
#include <stddef.h>

enum probe_unsupported { UNSUPPORTED_WARN, UNSUPPORTED_OK, UNSUPPORTED_FAIL };

/* What the service's options say about every probe. */
struct probe_rules {
	bool is_expected[600]; /* opt.expect, by status */
	int unsupported;       /* enum probe_unsupported, opt.head_unsupported */
};

struct probe {
	const char *name; /* of opt.target.NAME; NULL for opt.target */
	const struct cservd_target *target;
	char *request;
};

/*
 * Probes and returns the text for the client, to be freed with free(): a status line and, if
 * there was a response, its header lines.  NULL with errno ENOMEM.
 */
char *probe_run(const struct probe *probe, const struct probe_rules *rules, size_t *ret_len);

#endif
