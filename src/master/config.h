/* SPDX-License-Identifier: MIT */
/*
 * config - cservd.ini as the master uses it: all or nothing.
 *
 *	bytes --reader.c--> sections and keys with their places --draft.c--> draft
 *	draft --build.c--> config        keys.c: every key; values.c: every kind of value
 *
 * config.c leads the bytes of a file, or the words of a command line, through these.
 */
#ifndef MASTER_CONFIG_H
#define MASTER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "common/addr.h"
#include "common/settings.h"
#include "common/util.h"

/* Where in the configuration something stands; file lives as long as the config. */
struct place {
	const char *file;
	unsigned int line;
};

/* An opt.NAME key. */
struct config_option {
	char *name; /* without "opt." */
	char *value;
	struct place where;
};

/* A list of absolute paths. */
struct config_paths {
	char **path;
	size_t count;
};

/* Limits are SETTINGS_UNLIMITED where the file says "unlimited". */
struct config_service {
	struct config *config; /* that it is of; see config_hold() */
	char name[SETTINGS_NAME_SIZE];
	struct place where; /* of its section line */
	bool is_wrong; /* not even to be checked: no plugin, or no user; config_load_partly() */
	struct endpoint *listen;
	struct place *listen_where; /* one for each listen */
	size_t listeners;
	char *handler; /* as the file names it */
	char *path;    /* absolute: handler, or plugin_dir/handler */
	struct place handler_where;
	bool enabled;
	char *user, *group; /* as written, or NULL */
	uid_t uid;	    /* of `user`, or the default; the caller's own when not root */
	gid_t gid;
	uint32_t promises; /* PROMISE_STDIO and what `sandbox` grants */
	bool unsandboxed;  /* sandbox = none */
	int concurrency;   /* enum settings_concurrency */
	int on_violation;  /* enum settings_violation */
	int landlock;	   /* enum settings_landlock */
	struct config_paths read_paths, write_paths;
	struct settings_ports connect_ports, bind_ports;
	uint64_t max_memory;	/* [bytes] */
	uint64_t hang_timeout;	/* [ms] */
	uint64_t crash_penalty; /* [ms] */
	uint64_t max_connections;
	uint64_t backlog;
	uint64_t idle_timeout;	/* [ms] */
	uint64_t max_duration;	/* [ms] */
	uint64_t drain_timeout; /* [ms] */
	uint64_t stack_size;	/* [bytes] */
	bool log_connections;
	uint64_t udp_amplify;
	struct config_option *options;
	size_t option_count;
};

enum config_log { LOG_TO_AUTO, LOG_TO_STDERR, LOG_TO_SYSLOG };

struct config {
	char *plugin_dir;
	int log;			 /* enum config_log */
	int log_level;			 /* LOG_ERR .. LOG_DEBUG */
	struct config_service *services; /* in the order of the file; disabled ones too */
	size_t count;
	/* Private: the memory of everything above, and how many hold it. */
	struct store *store;
	size_t holders;
};

#define CONFIG_SERVICES_MAX 4096 /* as many as a world has listeners (common/board.h) */
#define CONFIG_ERRORS_MAX   50

/*
 * Every error of a configuration, in the order found; {0} is ready for use.  Of more than
 * CONFIG_ERRORS_MAX the first are kept, and a last line says how many more there are.
 */
struct config_errors {
	char *lines[CONFIG_ERRORS_MAX + 1]; /* "file:line: message" */
	size_t count;			    /* of lines */
	size_t total;			    /* of errors */
};

void config_errors_finish(struct config_errors *errors);

/* Puts the errors of each file in the order of its lines. */
void config_errors_sort(struct config_errors *errors);

/*
 * Adds "file:line: message"; where.file may be NULL (message alone), line 0 (no line).  errno
 * stays as it was.
 */
void config_errors_add(struct config_errors *errors, struct place where, const char *fmt, ...)
	UTIL_PRINTF(3, 4);

/* Whether another message would only be counted, so its details need no work. */
bool config_errors_is_full(const struct config_errors *errors);

/*
 * Reads path and its includes.  Returns a config, or NULL with at least one error added.
 * Opens no socket and no plugin.
 */
struct config *config_load(const char *path, struct config_errors *errors);

/*
 * As config_load(), but what could be built is returned although errors were added: for finding
 * out what else is wrong, never for serving.  NULL without memory.
 */
struct config *config_load_partly(const char *path, struct config_errors *errors);

/*
 * One service without a file, for --try and --stdio: handler path (a bare name that is not here is
 * looked for in the usual plugin_dir), then NULL-terminated KEY=VALUE words (keys as in the INI)
 * and LISTEN words.  Without LISTEN words the service has no listener.  Places have the word as
 * file and line 0, so errors begin with the word.  Returns a config, or NULL with at least one
 * error added.
 */
struct config *config_from_words(const char *handler, char *const words[],
				 struct config_errors *errors);

/* Ends the hold of whoever loaded it; the last of all holds frees it.  Accepts NULL. */
void config_destroy(struct config *config);

/* A hold on the configuration of a service: it lives on until that is released.  A service
 * without a configuration is nobody's to free. */
void config_hold(const struct config_service *service);
void config_release(const struct config_service *service);

/*
 * -T: prints every service with every key in effect, as INI that parses back to the same.  That
 * holds for a config of config_load(); words may hold values that no file can (" ;", blanks at
 * an end).  Errors of out are the caller's to check with ferror(3).
 */
void config_print(const struct config *config, FILE *out);

#endif
