/* SPDX-License-Identifier: MIT */
/* print - a configuration as INI that parses back to the same. */
#include <string.h>

#include "master/config.h"
#include "master/reader.h"
#include "master/values.h"

#define HELP_COLUMN 40

/* Whether a continued line may begin with c: no blank, which is lost, no comment. */
static bool is_beginning(char c)
{
	return !strchr(" \t;#", c);
}

/*
 * How much of value goes before a '\', at most max bytes: the last word that ends there, else
 * (a long one) a part of it.  What came from a file has such a place in max bytes, as there it
 * was cut too.
 */
static size_t find_cut(const char *value, size_t max)
{
	size_t part = 0;

	for (size_t cut = max; cut > 0; cut--) {
		if (!is_beginning(value[cut]))
			continue;
		if (value[cut - 1] == ' ' || value[cut - 1] == '\t')
			return cut;
		if (part == 0)
			part = cut;
	}
	return part ? part : max;
}

/* No blanks around "=" and no indentation: every byte of a line may be needed. */
static void print_long(FILE *out, const char *name, const char *value)
{
	size_t room = READER_LINE_MAX - strlen(name) - 1, rest = strlen(value);

	(void)fprintf(out, "%s=", name);
	while (rest > room) {
		size_t cut = find_cut(value, room - 1);

		(void)fprintf(out, "%.*s\\\n", (int)cut, value);
		value += cut;
		rest -= cut;
		room = READER_LINE_MAX;
	}
	(void)fprintf(out, "%s\n", value);
}

/* Errors of out are found by the caller of config_print(). */
static void print_line(FILE *out, const char *name, const char *value, const char *help)
{
	size_t len = strlen(name) + strlen(" = ") + strlen(value);

	if (len > READER_LINE_MAX)
		print_long(out, name, value);
	else if (!help || len > HELP_COLUMN)
		(void)fprintf(out, "%s = %s\n", name, value);
	else
		(void)fprintf(out, "%s = %s%*s; %s\n", name, value, (int)(HELP_COLUMN + 1 - len),
			      "", help);
}

static void print_options(FILE *out, const struct key *key, const struct config_service *service)
{
	for (size_t i = 0; i < service->option_count; i++) {
		const struct config_option *option = &service->options[i];
		char name[READER_LINE_MAX + 1];

		(void)snprintf(name, sizeof(name), "%s%s", key->name, option->name);
		print_line(out, name, option->value, NULL);
	}
}

static void print_keys(FILE *out, enum key_section section, const void *owner)
{
	char value[READER_VALUE_MAX + 1];

	for (size_t i = 0; i < key_count; i++) {
		const struct key *key = &keys[i];

		if (!(key->sections & section))
			continue;
		if (key->type == &value_option) {
			print_options(out, key, owner);
		} else if (key->type->print) {
			key->type->print(key, owner, value, sizeof(value));
			if (value[0] != '\0') /* an empty list is what no line means */
				print_line(out, key->name, value, key->help);
		}
	}
}

void config_print(const struct config *config, FILE *out)
{
	(void)fprintf(out, "[cservd]\n");
	print_keys(out, KEY_CSERVD, config);
	for (size_t i = 0; i < config->count; i++) {
		(void)fprintf(out, "\n[%s]\n", config->services[i].name);
		print_keys(out, KEY_SERVICE, &config->services[i]);
	}
}
