/* SPDX-License-Identifier: MIT */
/* alike - whether two services are configured alike. */
#include <string.h>

#include "master/alike.h"
#include "master/reader.h"
#include "master/values.h"

/* Two values are equal if they are printed alike: what print.c prints parses back to the same. */
static bool has_equal_value(const struct key *key, const struct config_service *a,
			    const struct config_service *b)
{
	char of_a[READER_VALUE_MAX + 1], of_b[READER_VALUE_MAX + 1];

	if (key->type->print == NULL)
		return true; /* no value of its own, or an option */
	key->type->print(key, a, of_a, sizeof(of_a));
	key->type->print(key, b, of_b, sizeof(of_b));
	return strcmp(of_a, of_b) == 0;
}

static const char *find_option(const struct config_service *service, const char *name)
{
	for (size_t i = 0; i < service->option_count; i++) {
		if (strcmp(service->options[i].name, name) == 0)
			return service->options[i].value;
	}
	return NULL;
}

/* In whatever order: a plugin asks for them by name. */
static bool has_equal_options(const struct config_service *a, const struct config_service *b)
{
	if (a->option_count != b->option_count)
		return false;
	for (size_t i = 0; i < a->option_count; i++) {
		const char *value = find_option(b, a->options[i].name);

		if (value == NULL || strcmp(value, a->options[i].value) != 0)
			return false;
	}
	return true;
}

bool alike_services(const struct config_service *a, const struct config_service *b)
{
	if (strcmp(a->name, b->name) != 0 || strcmp(a->path, b->path) != 0 || a->uid != b->uid ||
	    a->gid != b->gid)
		return false;
	for (size_t i = 0; i < key_count; i++) {
		if ((keys[i].sections & KEY_SERVICE) != 0 && !has_equal_value(&keys[i], a, b))
			return false;
	}
	return has_equal_options(a, b);
}
