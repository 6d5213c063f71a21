/* SPDX-License-Identifier: MIT */
/* values - the kinds of values that keys have: how each is parsed and printed. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/text.h"
#include "master/values.h"

#define QUOTE_SIZE 80 /* [bytes] of a wrong value that are repeated */

static int parse_bool(const struct value *value, void *owner, struct store *store,
		      struct config_errors *errors)
{
	(void)store;
	if (text_parse_bool(value->text, value_field(value->key, owner)) != 0)
		return value_refuse(value, value->text, errors, "write \"yes\" or \"no\"");
	return 0;
}

static void print_bool(const struct key *key, const void *owner, char *text, size_t size)
{
	const bool *field = value_const_field(key, owner);

	(void)snprintf(text, size, "%s", *field ? "yes" : "no");
}

/* "a|b|c" as "a, b or c". */
static void write_choice(const char *words, char *text, size_t size)
{
	size_t at = 0;

	for (const char *c = words; *c && at + sizeof(" or ") < size; c++) {
		const char *glue = strchr(c + 1, '|') ? ", " : " or ";

		if (*c != '|')
			text[at++] = *c;
		else
			at = (size_t)(stpcpy(&text[at], glue) - text);
	}
	text[at] = '\0';
}

static int parse_choice(const struct value *value, void *owner, struct store *store,
			struct config_errors *errors)
{
	const struct key *key = value->key;
	int index = text_parse_choice(value->text, key->words);
	char known[128];

	(void)store;
	if (index >= 0) {
		*(int *)value_field(key, owner) = index;
		return 0;
	}
	write_choice(key->words, known, sizeof(known));
	if (key->later && text_parse_choice(value->text, key->later) >= 0)
		return value_refuse(value, value->text, errors,
				    "this does not exist in this version, write %s", known);
	return value_refuse(value, value->text, errors, "write %s", known);
}

static void print_choice(const struct key *key, const void *owner, char *text, size_t size)
{
	const int *field = value_const_field(key, owner);
	const char *word = key->words;

	for (int i = 0; i < *field; i++)
		word = strchr(word, '|') + 1;
	(void)snprintf(text, size, "%.*s", (int)strcspn(word, "|"), word);
}

static int parse_level(const struct value *value, void *owner, struct store *store,
		       struct config_errors *errors)
{
	int level = log_level_parse(value->text);

	(void)store;
	if (level < 0)
		return value_refuse(value, value->text, errors,
				    "write error, warning, info or debug");
	*(int *)value_field(value->key, owner) = level;
	return 0;
}

static void print_level(const struct key *key, const void *owner, char *text, size_t size)
{
	const int *field = value_const_field(key, owner);

	(void)snprintf(text, size, "%s", log_level_word(*field));
}

static int parse_number(const struct value *value, void *owner, struct store *store,
			struct config_errors *errors)
{
	const struct key *key = value->key;

	(void)store;
	if (text_parse_number(value->text, key->min, key->max, value_field(key, owner)) != 0)
		return value_refuse(value, value->text, errors, "write a number from %llu to %llu",
				    (unsigned long long)key->min, (unsigned long long)key->max);
	return 0;
}

static void print_number(const struct key *key, const void *owner, char *text, size_t size)
{
	const uint64_t *field = value_const_field(key, owner);

	(void)snprintf(text, size, "%llu", (unsigned long long)*field);
}

static int parse_size(const struct value *value, void *owner, struct store *store,
		      struct config_errors *errors)
{
	const struct key *key = value->key;
	char min[TEXT_VALUE_SIZE], max[TEXT_VALUE_SIZE];
	bool has_max = key->max != SETTINGS_UNLIMITED;
	uint64_t bytes = SETTINGS_UNLIMITED;

	(void)store;
	if (!has_max && strcmp(value->text, "unlimited") == 0) {
		*(uint64_t *)value_field(key, owner) = bytes;
		return 0;
	}
	if (!has_max && (text_parse_size(value->text, &bytes) != 0 || bytes < key->min))
		return value_refuse(value, value->text, errors,
				    "write a size of at least %s, or \"unlimited\"",
				    text_format_size(key->min, min));
	if (text_parse_size(value->text, &bytes) != 0 || bytes < key->min || bytes > key->max)
		return value_refuse(value, value->text, errors, "write a size from %s to %s",
				    text_format_size(key->min, min),
				    text_format_size(key->max, max));
	*(uint64_t *)value_field(key, owner) = bytes;
	return 0;
}

static void print_size(const struct key *key, const void *owner, char *text, size_t size)
{
	const uint64_t *field = value_const_field(key, owner);
	char number[TEXT_VALUE_SIZE];

	(void)snprintf(text, size, "%s",
		       *field == SETTINGS_UNLIMITED ? "unlimited"
						    : text_format_size(*field, number));
}

static int parse_time(const struct value *value, void *owner, struct store *store,
		      struct config_errors *errors)
{
	const struct key *key = value->key;
	char max[TEXT_VALUE_SIZE];
	uint64_t ms = SETTINGS_UNLIMITED;

	(void)store;
	if (strcmp(value->text, "unlimited") != 0 && text_parse_time(value->text, &ms) != 0 &&
	    errno == EINVAL && strcmp(value->text, "0") != 0)
		return value_refuse(value, value->text, errors,
				    "write a time with its unit (ms s m h d), such as \"30s\"");
	if (strcmp(value->text, "0") == 0 || ms < key->min)
		return value_refuse(value, value->text, errors,
				    "0 is not a limit, write \"unlimited\" for none");
	if (strcmp(value->text, "unlimited") != 0 && ms > key->max)
		return value_refuse(value, value->text, errors,
				    "write at most %s, or \"unlimited\"",
				    text_format_time(key->max, max));
	*(uint64_t *)value_field(key, owner) = ms;
	return 0;
}

static void print_time(const struct key *key, const void *owner, char *text, size_t size)
{
	const uint64_t *field = value_const_field(key, owner);
	char number[TEXT_VALUE_SIZE];

	(void)snprintf(text, size, "%s",
		       *field == SETTINGS_UNLIMITED ? "unlimited"
						    : text_format_time(*field, number));
}

static int parse_folder(const struct value *value, void *owner, struct store *store,
			struct config_errors *errors)
{
	char **field = value_field(value->key, owner);

	if (value->text[0] != '/')
		return value_refuse(value, value->text, errors, "write an absolute path");
	if (value_has_parent(value->text))
		return value_refuse(value, value->text, errors, "write the path without \"..\"");
	*field = store_text(store, value->text);
	return *field ? 0 : -1;
}

static void print_folder(const struct key *key, const void *owner, char *text, size_t size)
{
	char *const *field = value_const_field(key, owner);

	(void)snprintf(text, size, "%s", *field);
}

static int parse_include(const struct value *value, void *owner, struct store *store,
			 struct config_errors *errors)
{
	(void)value;
	(void)owner;
	(void)store;
	(void)errors;
	return 0;
}

int value_refuse(const struct value *value, const char *word, struct config_errors *errors,
		 const char *fmt, ...)
{
	char quote[QUOTE_SIZE], why[256];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, args); /* our own sentences fit */
	va_end(args);
	(void)text_escape(quote, sizeof(quote), word, strlen(word));
	if (value->where.line == 0)
		config_errors_add(errors, value->where, "%s", why);
	else
		config_errors_add(errors, value->where, "%s \"%s\": %s", value->name, quote, why);
	return 0;
}

void *value_field(const struct key *key, void *owner)
{
	return (unsigned char *)owner + key->offset;
}

const void *value_const_field(const struct key *key, const void *owner)
{
	return (const unsigned char *)owner + key->offset;
}

bool value_has_parent(const char *path)
{
	for (const char *at = path; at; at = strchr(at, '/')) {
		at += *at == '/';
		if (strncmp(at, "..", 2) == 0 && (at[2] == '/' || !at[2]))
			return true;
	}
	return false;
}

const struct key_type value_bool = {.parse = parse_bool, .print = print_bool};

const struct key_type value_choice = {.parse = parse_choice, .print = print_choice};

const struct key_type value_level = {.parse = parse_level, .print = print_level};

const struct key_type value_number = {.parse = parse_number, .print = print_number};

const struct key_type value_size = {.parse = parse_size, .print = print_size};

const struct key_type value_time = {.parse = parse_time, .print = print_time};

const struct key_type value_folder = {.parse = parse_folder, .print = print_folder};

const struct key_type value_include = {.is_list = true, .parse = parse_include};
