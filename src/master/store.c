/* SPDX-License-Identifier: MIT */
/* store - memory that is released all at once, so that nobody frees parts of a configuration. */
#include <stdbool.h>
#include <string.h>

#include "master/store.h"

struct block {
	struct block *next;
	_Alignas(max_align_t) unsigned char bytes[];
};

struct store {
	struct block *first;
};

struct store *store_create(void)
{
	return calloc(1, sizeof(struct store));
}

void store_destroy(struct store *store)
{
	struct block *next;

	if (!store)
		return;
	for (struct block *block = store->first; block; block = next) {
		next = block->next;
		free(block);
	}
	free(store);
}

void *store_take(struct store *store, size_t size)
{
	struct block *block = calloc(1, sizeof(*block) + size);

	if (!block)
		return NULL;
	block->next = store->first;
	store->first = block;
	return block->bytes;
}

char *store_text(struct store *store, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = store_take(store, size);

	return copy ? memcpy(copy, text, size) : NULL;
}

void *store_room(struct store *store, void *array, size_t count, size_t size)
{
	bool is_full = (count & (count - 1)) == 0; /* also for none */
	void *larger;

	if (!is_full)
		return array;
	larger = store_take(store, (count ? 2 * count : 1) * size);
	if (larger && count)
		memcpy(larger, array, count * size);
	return larger;
}
