/* SPDX-License-Identifier: MIT */
/* service - the one service of this worker process: its settings, plugin and state. */
#ifndef WORKER_SERVICE_H
#define WORKER_SERVICE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "cservd/plugin.h"
#include "common/board.h"
#include "common/settings.h"

/* One opt.NAME key of the section. */
struct option {
	const char *name; /* without "opt." */
	const char *value;
	const char *where; /* "file:line" */
	bool asked;	   /* the plugin knows it */
};

struct cservd_service {
	const struct settings *settings; /* the mapped memfd */
	const char *handler;		 /* path of the plugin as configured */
	const char *where;		 /* "file:line" of the section */
	const char **read_paths;	 /* settings->read_paths of them */
	const char **write_paths;	 /* settings->write_paths of them */
	struct option *options;		 /* settings->options of them */
	struct cservd_plugin plugin;	 /* host's copy of the descriptor (plugin.c) */
	void *data;			 /* cservd_set_data() */
	bool in_config;			 /* options and targets may be asked for */
	bool config_wrong;		 /* an error was reported during config */
	_Atomic bool draining;
	const _Atomic bool *parent_draining; /* in a forked process; else NULL */
	bool is_child; /* forked: it carries one connection, or the datagrams (child.h) */
	struct board *board;
	const struct world *world;
};

/* The service of this process. */
extern struct cservd_service service;

/*
 * Maps and checks the settings (WORKER_FD_SETTINGS), the board and the world where the mode
 * has them.  0 or -1 with errno.
 */
int service_init(struct cservd_service *s) UTIL_CHECKED;

#endif
