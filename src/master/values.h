/* SPDX-License-Identifier: MIT */
/* values - the kinds of values that keys have: how each is parsed and printed. */
#ifndef MASTER_VALUES_H
#define MASTER_VALUES_H

#include <stdbool.h>

#include "master/keys.h"

/* One `key = value`, as written. */
struct value {
	const struct key *key;
	const char *name; /* the key, in full: "opt.case" */
	const char *text;
	bool adds; /* += */
	struct place where;
};

struct key_type {
	bool is_list; /* += is allowed */
	/*
	 * Stores the value in owner, a struct config or config_service; adds an error if it
	 * is wrong.  0, or -1 with errno ENOMEM.
	 */
	int (*parse)(const struct value *value, void *owner, struct store *store,
		     struct config_errors *errors);
	/* Writes what parses back to the same; NULL: not printed by itself. */
	void (*print)(const struct key *key, const void *owner, char *text, size_t size);
};

/*
 * Tells what is wrong with word, the value or a part of it.  Returns 0: a wrong value is no
 * failure of the parser.  A place without a line is a word of the command line, which the
 * place repeats already.
 */
int value_refuse(const struct value *value, const char *word, struct config_errors *errors,
		 const char *fmt, ...) UTIL_PRINTF(4, 5);

/* The field of owner that key is about. */
void *value_field(const struct key *key, void *owner);
const void *value_const_field(const struct key *key, const void *owner);

/* Whether ".." is a component of path. */
bool value_has_parent(const char *path);

/* In values.c: one field, at key->offset. */
extern const struct key_type value_bool;    /* bool */
extern const struct key_type value_choice;  /* int, an index into key->words */
extern const struct key_type value_level;   /* int, LOG_ERR .. LOG_DEBUG */
extern const struct key_type value_number;  /* uint64_t */
extern const struct key_type value_size;    /* uint64_t [bytes]; without max, "unlimited" too */
extern const struct key_type value_time;    /* uint64_t [ms], may be SETTINGS_UNLIMITED */
extern const struct key_type value_folder;  /* char *, an absolute path */
extern const struct key_type value_include; /* checked only; config.c follows it */

/* In lists.c: one field, at key->offset. */
extern const struct key_type value_paths; /* struct config_paths */
extern const struct key_type value_ports; /* struct settings_ports */

/* In fields.c: fields of a service. */
extern const struct key_type value_listen;   /* listen, listen_where, listeners */
extern const struct key_type value_handler;  /* handler, handler_where */
extern const struct key_type value_promises; /* promises, unsandboxed */
extern const struct key_type value_user;     /* user, uid */
extern const struct key_type value_group;    /* group, gid */
extern const struct key_type value_option;   /* options, option_count */

#endif
