/* SPDX-License-Identifier: MIT */
/* plugin - loads a handler plugin and judges its descriptor. */
#ifndef WORKER_PLUGIN_H
#define WORKER_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#include "cservd/plugin.h"
#include "common/util.h"

#define PLUGIN_WHY_SIZE 256

/* What a host understands; the worker's own is plugin_host, tests make others. */
struct plugin_host {
	uint32_t abi;	/* CSERVD_ABI */
	uint32_t size;	/* of its struct cservd_plugin */
	uint64_t flags; /* all that it knows */
};

extern const struct plugin_host plugin_host;

/*
 * The rules of the ABI.  Copies what host understands of the descriptor given into *ret, the rest
 * zero.  0, or -1 with why a sentence part: another major version (for 0.x also another minor),
 * fields, flags or promises that host does not know, no name, no handler.
 */
int plugin_accept(const struct cservd_plugin *given, const struct plugin_host *host,
		  struct cservd_plugin *ret, char why[PLUGIN_WHY_SIZE]) UTIL_CHECKED;

/*
 * Loads the object behind WORKER_FD_PLUGIN (RTLD_NOW, its constructors run) and accepts its
 * descriptor into service.plugin.  0, or -1 with why.
 */
int plugin_load(char why[PLUGIN_WHY_SIZE]) UTIL_CHECKED;

/* The promises that the plugin asks for, as PROMISE_* bits; it was accepted. */
uint32_t plugin_promises(void);

/* "stream", "datagram" or "stream datagram". */
const char *plugin_handlers(void);

/* Prints the descriptor for people (cservd --plugin-info) on stdout. */
void plugin_print(void);

#endif
