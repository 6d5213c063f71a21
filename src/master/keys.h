/* SPDX-License-Identifier: MIT */
/* keys - the table of every key of cservd.ini. */
#ifndef MASTER_KEYS_H
#define MASTER_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "master/config.h"
#include "master/store.h"

/* Where a key may stand, and what a section is. */
enum key_section {
	KEY_CSERVD = 1 << 0,
	KEY_DEFAULTS = 1 << 1,
	KEY_SERVICE = 1 << 2,
};

struct key_type;

struct key {
	const char *name;	     /* "opt." is a prefix, all others are whole names */
	const struct key_type *type; /* values.h */
	const char *initial;	     /* its value where none is written; NULL: none */
	unsigned int sections;	     /* enum key_section */
	size_t offset;		     /* of its field in struct config or config_service */
	uint64_t min, max;	     /* of numbers, sizes and times [ms] */
	const char *words;	     /* of a choice: "a|b", in the order of its enum */
	const char *later;	     /* words that other versions know */
	const char *example;	     /* a line to add where the key is required but missing */
	const char *help;
	const char *foreign; /* what other super-servers call it, separated by blanks */
};

extern const struct key keys[];
extern const size_t key_count;

/* The key for a name as written, or NULL. */
const struct key *key_find(const char *name);

/*
 * Adds an error that says what to write instead of name, which is unknown or does not belong
 * in a section of this kind.
 */
void key_refuse(const char *name, enum key_section section, struct place where,
		struct config_errors *errors);

#endif
