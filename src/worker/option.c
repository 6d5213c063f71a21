/* SPDX-License-Identifier: MIT */
/* option - the opt.NAME keys of the section, asked for by the plugin's config. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cservd/plugin.h"
#include "common/text.h"
#include "worker/option.h"
#include "worker/report.h"
#include "worker/service.h"

#define WHY_SIZE 192

/* Reports "file:line: opt.NAME: why" and remembers that the configuration is refused. */
static void refuse(struct cservd_service *s, const char *name, const char *where, const char *why)
{
	/* A word of the command line, opt.NAME=VALUE, is its own place and says the name already.
	 */
	size_t len = strlen(name);

	if (strncmp(where, "opt.", 4) == 0 && strncmp(where + 4, name, len) == 0 &&
	    where[4 + len] == '=')
		report_state(MESSAGE_WRONG, "%s: %s", where, why);
	else
		report_state(MESSAGE_WRONG, "%s: opt.%s: %s", where, name, why);
	s->config_wrong = true;
}

static struct option *find(struct cservd_service *s, const char *name)
{
	for (uint32_t i = 0; i < s->settings->options; i++) {
		if (strcmp(s->options[i].name, name) == 0)
			return &s->options[i];
	}
	return NULL;
}

/* The option, marked as known, or NULL if it is not given or asked for too late. */
static struct option *ask(struct cservd_service *s, const char *name)
{
	struct option *option = find(s, name);

	if (!s->in_config) {
		report_log(LOG_ERR, "option \"%s\" asked for outside of config", name);
		return NULL;
	}
	if (option != NULL)
		option->asked = true;
	return option;
}

UTIL_PRINTF(3, 4)
static void refuse_value(struct cservd_service *s, const struct option *option, const char *fmt,
			 ...)
{
	char why[WHY_SIZE];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, args); /* cut is fine */
	va_end(args);
	refuse(s, option->name, option->where, why);
}

CSERVD_EXPORT void cservd_option_text(struct cservd_service *s, const char *name,
				      const char **value)
{
	const struct option *option = ask(s, name);

	if (option != NULL)
		*value = option->value;
}

CSERVD_EXPORT void cservd_option_choice(struct cservd_service *s, const char *name,
					const char *words, int *value)
{
	const struct option *option = ask(s, name);
	int index;

	if (option == NULL)
		return;
	index = text_parse_choice(option->value, words);
	if (index == -1)
		refuse_value(s, option, "\"%.64s\" is none of %s", option->value, words);
	else
		*value = index;
}

CSERVD_EXPORT void cservd_option_bool(struct cservd_service *s, const char *name, int *value)
{
	const struct option *option = ask(s, name);
	bool parsed;

	if (option == NULL)
		return;
	if (text_parse_bool(option->value, &parsed) == -1)
		refuse_value(s, option, "\"%.64s\" is neither yes nor no", option->value);
	else
		*value = parsed;
}

CSERVD_EXPORT void cservd_option_int(struct cservd_service *s, const char *name, long min, long max,
				     long *value)
{
	const struct option *option = ask(s, name);
	int64_t parsed;

	if (option == NULL)
		return;
	if (text_parse_integer(option->value, min, max, &parsed) == -1)
		refuse_value(s, option, "\"%.64s\" is not a number from %ld to %ld", option->value,
			     min, max);
	else
		*value = (long)parsed;
}

CSERVD_EXPORT void cservd_option_size(struct cservd_service *s, const char *name, uint64_t *bytes)
{
	const struct option *option = ask(s, name);

	if (option != NULL && text_parse_size(option->value, bytes) == -1)
		refuse_value(s, option, "\"%.64s\" is not a size such as 512, 16K or 4M",
			     option->value);
}

CSERVD_EXPORT void cservd_option_time(struct cservd_service *s, const char *name, int *ms)
{
	const struct option *option = ask(s, name);
	uint64_t parsed;

	if (option == NULL)
		return;
	if (text_parse_time(option->value, &parsed) == -1)
		refuse_value(s, option, "\"%.64s\" is not a time such as 500ms, 10s or 5m",
			     option->value);
	else if (parsed > INT_MAX)
		refuse_value(s, option, "\"%.64s\" is too long: at most 24d", option->value);
	else
		*ms = (int)parsed;
}

CSERVD_EXPORT int cservd_option_next(struct cservd_service *s, const char *prefix,
				     const char **name)
{
	bool found = *name == NULL; /* the previous one */

	for (uint32_t i = 0; i < s->settings->options; i++) {
		const char *candidate = s->options[i].name;

		if (found && strncmp(candidate, prefix, strlen(prefix)) == 0) {
			*name = candidate;
			return 1;
		}
		found = found || candidate == *name;
	}
	return 0;
}

CSERVD_EXPORT void cservd_option_error(struct cservd_service *s, const char *name, const char *fmt,
				       ...)
{
	const struct option *option = find(s, name);
	char why[WHY_SIZE];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, args); /* cut is fine */
	va_end(args);
	refuse(s, name, option ? option->where : s->where, why);
}

void option_refuse_unasked(void)
{
	for (uint32_t i = 0; i < service.settings->options; i++) {
		const struct option *option = &service.options[i];

		if (!option->asked)
			refuse_value(&service, option,
				     "\"%s\" has no such option: see \"cservd "
				     "--plugin-info %s\"",
				     service.plugin.name, service.handler);
	}
}
