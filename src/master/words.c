/* SPDX-License-Identifier: MIT */
/* words - a configuration of one service out of the words of a command line. */
#include <string.h>

#include "master/build.h"
#include "master/config.h"

#define NAME_CHARS "abcdefghijklmnopqrstuvwxyz0123456789._-"

/* A legal section name that resembles the name of the file: echo-2 for ./Echo+2.so. */
static void name_service(const char *path, char name[SETTINGS_NAME_SIZE])
{
	const char *slash = strrchr(path, '/');
	size_t len = 0;

	for (const char *c = slash ? slash + 1 : path; *c && len < SETTINGS_NAME_SIZE - 1; c++) {
		char small = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
		char mapped = strchr(NAME_CHARS, small) ? small : '-';

		if (strcmp(c, ".so") == 0)
			break;
		if (len > 0 || !strchr("._-", mapped))
			name[len++] = mapped;
	}
	name[len] = '\0';
	if (len == 0)
		(void)strcpy(name, "plugin"); /* fits */
}

static int take_key_word(struct draft *draft, const char *word, size_t len, struct place where)
{
	bool adds = len > 0 && word[len - 1] == '+';
	CLEANUP_FREE char *name = strndup(word, len - (adds ? 1 : 0));
	const char *text = word + len + 1;

	if (!name)
		return -1;
	if (!*name || !text[strspn(text, " \t")]) {
		config_errors_add(draft->errors, where, "write KEY=VALUE");
		return 0;
	}
	return draft_key(draft, name, adds, text, where);
}

static int take_word(struct draft *draft, const char *word)
{
	struct place where = {store_text(draft->store, word), 0};
	size_t len = strcspn(word, "=");

	if (!where.file)
		return -1;
	if (word[len])
		return take_key_word(draft, word, len, where);
	return draft_key(draft, "listen", true, word, where);
}

/* A bare name is looked for among the installed plugins, too.  NULL with errno. */
static char *find_plugin(const char *handler)
{
	char *path = realpath(handler, NULL);
	CLEANUP_FREE char *installed = NULL;

	if (path || errno != ENOENT || strchr(handler, '/'))
		return path;
	if (asprintf(&installed, PLUGINDIR "/%s", handler) < 0) {
		installed = NULL; /* else it is undefined */
		return NULL;
	}
	return realpath(installed, NULL);
}

static int take_handler(struct draft *draft, const char *handler)
{
	struct place where = {store_text(draft->store, handler), 0};
	CLEANUP_FREE char *path = find_plugin(handler);
	char name[SETTINGS_NAME_SIZE];

	if (!where.file)
		return -1;
	if (!path)
		config_errors_add(draft->errors, where, "%m%s",
				  strchr(handler, '/') ? "" : ", here or in " PLUGINDIR);
	name_service(handler, name);
	if (draft_service(draft, name, where) != 0)
		return -1;
	/* Any legal name does after an error. */
	return draft_key(draft, "handler", false, path ? path : "missing.so", where);
}

static int take_all(struct draft *draft, const char *handler, char *const words[])
{
	if (take_handler(draft, handler) != 0)
		return -1;
	for (; *words; words++)
		if (take_word(draft, *words) != 0)
			return -1;
	return 0;
}

struct config *config_from_words(const char *handler, char *const words[],
				 struct config_errors *errors)
{
	size_t wrong = errors->total;
	struct draft draft = {.store = store_create(), .errors = errors};
	struct config *config;

	if (draft.store && take_all(&draft, handler, words) != 0)
		config_errors_add(errors, (struct place){0}, "%m");
	config = build_config(&draft, false);
	if (errors->total == wrong)
		return config;
	config_destroy(config);
	return NULL;
}
