/* SPDX-License-Identifier: MIT */
/* config - the options of the service and the targets they name. */
#ifndef HEADPROBE_CONFIG_H
#define HEADPROBE_CONFIG_H

#include <cservd/plugin.h>
#include <stdbool.h>
#include <stddef.h>

#include "share.h"

#define CONFIG_VERSION "0.1" /* of the plugin; targets see it in User-Agent */

struct config {
	bool is_asking; /* opt.mode = ask: the client names one of the targets */
	struct share_target *targets;
	size_t target_count;
	struct share share;
};

/*
 * Reads all options into *ret; a wrong one is reported to cservd and the others are read.  To be
 * ended with config_finish() whatever it returns: 0, or -1 with errno.
 */
int config_load(struct cservd_service *service, struct config *ret) CSERVD_CHECKED;

void config_finish(struct config *config);

#endif
