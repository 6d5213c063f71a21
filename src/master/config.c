/* SPDX-License-Identifier: MIT */
/* config - reads cservd.ini and its includes, or the words of a command line. */
#include <glob.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "master/build.h"
#include "master/config.h"
#include "master/vet.h"

#define GLOB_CHARS "*?["

/* A file to read, and who is to blame if that fails: the file itself, or an include line. */
struct source {
	const char *path;
	struct place where;
};

UTIL_PRINTF(3, 4)
static void refuse(const struct source *source, struct config_errors *errors, const char *fmt, ...)
{
	char why[VET_WHY_SIZE];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, args); /* it fits */
	va_end(args);
	if (source->where.line == 0)
		config_errors_add(errors, source->where, "%s", why);
	else
		config_errors_add(errors, source->where, "include \"%s\": %s", source->path, why);
}

static void refuse_vetted(const struct source *source, const char *why,
			  struct config_errors *errors)
{
	if (why[0] != '\0')
		refuse(source, errors, "%s", why);
	else
		refuse(source, errors, "cannot open it: %m");
}

/* NULL: not usable, and told. */
static FILE *open_source(const struct source *source, struct config_errors *errors)
{
	char why[VET_WHY_SIZE];
	int fd = vet_open(source->path, why);
	FILE *in;

	if (fd < 0) {
		refuse_vetted(source, why, errors);
		return NULL;
	}
	in = fdopen(fd, "r");
	if (!in) {
		refuse(source, errors, "cannot read it: %m");
		util_close(fd);
	}
	return in;
}

static void read_source(struct draft *draft, const struct source *source)
{
	const char *name = store_text(draft->store, source->path);
	FILE *in;

	if (!name) {
		refuse(source, draft->errors, "cannot read it: %m");
		return;
	}
	in = open_source(source, draft->errors);
	if (!in)
		return;
	draft->current = NULL;
	if (reader_parse(in, name, &draft_events, draft, draft->errors) != 0)
		refuse(source, draft->errors, "cannot read it: %m");
	(void)fclose(in); /* it was only read */
}

/* glob(3) calls this for folders it cannot read; a missing one has no files, which is fine. */
static int stop_glob(const char *path, int error)
{
	(void)path;
	return error != ENOENT && error != ENOTDIR;
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/*
 * The folder where a pattern begins to be one.  Those that its wildcards lead to are vetted with
 * the files found there.  0 as well if it is missing.
 */
static int vet_pattern(const struct source *source, struct config_errors *errors)
{
	size_t len = strcspn(source->path, GLOB_CHARS);
	char folder[PATH_MAX], why[VET_WHY_SIZE];

	while (len > 0 && source->path[len - 1] != '/')
		len--;
	if (len >= sizeof(folder))
		return 0; /* glob(3) will say that */
	(void)snprintf(folder, sizeof(folder), "%.*s", (int)len, source->path); /* it fits */
	if (vet_folder(len > 0 ? folder : ".", why) == 0 || why[0] == '\0')
		return 0;
	refuse_vetted(source, why, errors);
	return -1;
}

static void read_matches(struct draft *draft, const char *pattern, struct place where)
{
	struct source source = {pattern, where};
	glob_t found = {0};
	int result;

	if (vet_pattern(&source, draft->errors) < 0)
		return;
	result = glob(pattern, GLOB_NOSORT, stop_glob, &found);
	if (result != 0 && result != GLOB_NOMATCH)
		refuse(&source, draft->errors, "cannot list these files: %m");
	if (result == 0) /* glob(3) itself would sort as the locale wants */
		qsort(found.gl_pathv, found.gl_pathc, sizeof(*found.gl_pathv), compare_paths);
	for (size_t i = 0; result == 0 && i < found.gl_pathc; i++) {
		source.path = found.gl_pathv[i];
		read_source(draft, &source);
	}
	globfree(&found);
}

/* word is relative to the folder of the file that includes it. */
static void read_include(struct draft *draft, const char *word, struct place where)
{
	const char *slash = strrchr(where.file, '/');
	int folder = slash && word[0] != '/' ? (int)(slash - where.file) + 1 : 0;
	CLEANUP_FREE char *path = NULL;

	if (asprintf(&path, "%.*s%s", folder, where.file, word) < 0) {
		path = NULL; /* else it is undefined */
		refuse(&(struct source){word, where}, draft->errors, "%m");
	} else if (strpbrk(word, GLOB_CHARS)) {
		read_matches(draft, path, where);
	} else {
		read_source(draft, &(struct source){path, where});
	}
}

static void read_includes(struct draft *draft)
{
	const struct section *cservd = &draft->cservd;

	draft->is_included = true;
	for (size_t i = 0; i < cservd->count; i++) {
		const struct value *value = &cservd->values[i];
		CLEANUP_FREE char *words = NULL;
		char *cursor, *word;

		if (value->key->type != &value_include)
			continue;
		cursor = words = strdup(value->text);
		if (!words)
			config_errors_add(draft->errors, value->where, "%m");
		while (cursor && !config_errors_is_full(draft->errors) &&
		       (word = text_next_word(&cursor)))
			read_include(draft, word, value->where);
	}
}

/* Without even a section, a file was emptied by mistake. */
static void check_sections(const struct draft *draft, struct place where)
{
	if (!draft->cservd.where.file && !draft->defaults.where.file && draft->count == 0)
		config_errors_add(draft->errors, where,
				  "no section: write a service such as \"[echo]\"");
}

struct config *config_load_partly(const char *path, struct config_errors *errors)
{
	size_t wrong = errors->total;
	struct draft draft = {.store = store_create(), .errors = errors};
	struct source source = {path, {path, 0}};

	if (draft.store) {
		read_source(&draft, &source);
		if (errors->total == wrong)
			check_sections(&draft, source.where);
		read_includes(&draft);
	}
	return build_config(&draft, true);
}

struct config *config_load(const char *path, struct config_errors *errors)
{
	size_t wrong = errors->total;
	struct config *config = config_load_partly(path, errors);

	if (errors->total == wrong)
		return config;
	config_destroy(config);
	return NULL;
}

void config_destroy(struct config *config)
{
	if (config && --config->holders == 0)
		store_destroy(config->store);
}

void config_hold(const struct config_service *service)
{
	if (service->config)
		service->config->holders++;
}

void config_release(const struct config_service *service)
{
	config_destroy(service->config);
}
