/* SPDX-License-Identifier: MIT */
/* store - memory that is released all at once, so that nobody frees parts of a configuration. */
#ifndef MASTER_STORE_H
#define MASTER_STORE_H

#include <stddef.h>

#include "common/util.h"

struct store;

/* NULL with errno ENOMEM. */
struct store *store_create(void);

/* Accepts NULL. */
void store_destroy(struct store *store);

/* size bytes of zeros, or NULL with errno ENOMEM. */
void *store_take(struct store *store, size_t size) UTIL_CHECKED;

/* A copy of text, or NULL with errno ENOMEM. */
char *store_text(struct store *store, const char *text) UTIL_CHECKED;

/*
 * An array with the count elements of array, each of size bytes, and room for at least one
 * more; array itself while it has that room.  It doubles whenever count is a power of two, so
 * no capacity is kept, but elements must be added one at a time from none (NULL, 0) on.  NULL
 * with errno ENOMEM.
 */
void *store_room(struct store *store, void *array, size_t count, size_t size) UTIL_CHECKED;

#endif
