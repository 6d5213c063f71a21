/* SPDX-License-Identifier: MIT */
/*
 * draft - the sections and keys of a configuration as written, before any value is looked at:
 * [defaults] may stand below the services it is for, and in another file.
 */
#ifndef MASTER_DRAFT_H
#define MASTER_DRAFT_H

#include "master/reader.h"
#include "master/values.h"

#define DRAFT_OPTIONS_MAX 1024	 /* in a section */
#define DRAFT_KEYS_MAX	  200000 /* in all */

struct section {
	const char *name;
	enum key_section kind;
	struct place where; /* file NULL: not there */
	struct value *values;
	size_t count;
	size_t options;	     /* how many of the values are options */
	struct place *first; /* for each of keys[], where it is first written */
};

struct draft {
	struct store *store;
	struct config_errors *errors;
	bool is_included; /* no longer in the main file */
	struct section cservd, defaults;
	struct section *services;
	size_t count;
	size_t keys;		 /* in all sections */
	struct section *current; /* NULL: a section that is ignored, its error was told */
};

/* The reader's events, whose user is a struct draft. */
extern const struct reader_events draft_events;

/* Both return 0, or -1 with errno ENOMEM; what is wrong is added to draft->errors. */

/* Begins a service, whatever its name. */
int draft_service(struct draft *draft, const char *name, struct place where) UTIL_CHECKED;

/* Adds a key to the section begun last. */
int draft_key(struct draft *draft, const char *name, bool adds, const char *text,
	      struct place where) UTIL_CHECKED;

/* Whether section has this key of keys[]. */
bool draft_has(const struct section *section, const struct key *key);

#endif
