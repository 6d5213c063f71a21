/* SPDX-License-Identifier: MIT */
/* lists - the kinds of values that are lists in one field: paths and ports. */
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "master/values.h"

static int parse_path(const struct value *value, const char *word, struct config_paths *paths,
		      struct store *store, struct config_errors *errors)
{
	if (word[0] != '/')
		return value_refuse(value, word, errors, "write absolute paths");
	if (value_has_parent(word))
		return value_refuse(value, word, errors, "write the path without \"..\"");
	paths->path = store_room(store, paths->path, paths->count, sizeof(*paths->path));
	if (!paths->path)
		return -1;
	paths->path[paths->count] = store_text(store, word);
	return paths->path[paths->count++] ? 0 : -1;
}

/* Where it adds to what [defaults] gave, the list is copied: that one belongs to all. */
static int begin_paths(const struct value *value, struct config_paths *paths, struct store *store)
{
	const struct config_paths before = *paths;

	*paths = (struct config_paths){.count = 0};
	if (!value->adds)
		return 0;
	for (; paths->count < before.count; paths->count++) {
		paths->path = store_room(store, paths->path, paths->count, sizeof(*paths->path));
		if (!paths->path)
			return -1;
		paths->path[paths->count] = before.path[paths->count];
	}
	return 0;
}

static int parse_paths(const struct value *value, void *owner, struct store *store,
		       struct config_errors *errors)
{
	struct config_paths *paths = value_field(value->key, owner);
	char *cursor = store_text(store, value->text), *word;

	if (!cursor || begin_paths(value, paths, store) != 0)
		return -1;
	while ((word = text_next_word(&cursor)))
		if (parse_path(value, word, paths, store, errors) != 0)
			return -1;
	return 0;
}

static void print_paths(const struct key *key, const void *owner, char *text, size_t size)
{
	const struct config_paths *paths = value_const_field(key, owner);
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; i < paths->count && at < size; i++)
		at += (size_t)snprintf(text + at, size - at, "%s%s", i ? " " : "", paths->path[i]);
}

static int parse_ports(const struct value *value, void *owner, struct store *store,
		       struct config_errors *errors)
{
	struct settings_ports *ports = value_field(value->key, owner);
	char *cursor = store_text(store, value->text), *word;
	uint64_t port;

	if (!cursor)
		return -1;
	if (!value->adds)
		ports->count = 0;
	while ((word = text_next_word(&cursor))) {
		if (text_parse_number(word, 1, UINT16_MAX, &port) != 0)
			return value_refuse(value, word, errors, "write ports from 1 to 65535");
		if (ports->count == SETTINGS_PORTS_MAX)
			return value_refuse(value, word, errors, "at most %d ports",
					    SETTINGS_PORTS_MAX);
		ports->port[ports->count++] = (uint16_t)port;
	}
	return 0;
}

static void print_ports(const struct key *key, const void *owner, char *text, size_t size)
{
	const struct settings_ports *ports = value_const_field(key, owner);
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; i < ports->count && at < size; i++)
		at += (size_t)snprintf(text + at, size - at, "%s%u", i ? " " : "", ports->port[i]);
}

const struct key_type value_paths = {.is_list = true, .parse = parse_paths, .print = print_paths};

const struct key_type value_ports = {.is_list = true, .parse = parse_ports, .print = print_ports};
