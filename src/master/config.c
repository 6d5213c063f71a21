/* SPDX-License-Identifier: MIT */
/* config - reads cservd.ini and its includes, or the words of a command line. */
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/text.h"
#include "master/build.h"
#include "master/config.h"

#define GLOB_CHARS "*?["

/* A file to read, and who is to blame if that fails: the file itself, or an include line. */
struct source {
	const char *path;
	struct place where;
};

UTIL_PRINTF(3, 4)
static void refuse(const struct source *source, struct config_errors *errors, const char *fmt, ...)
{
	char why[PATH_MAX + 128];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, args); /* a path and a sentence */
	va_end(args);
	if (source->where.line == 0)
		config_errors_add(errors, source->where, "%s", why);
	else
		config_errors_add(errors, source->where, "include \"%s\": %s", source->path, why);
}

/* Root must not take orders from a file that others can change. */
static bool is_trusted(const struct source *source, const struct stat *file,
		       struct config_errors *errors)
{
	if (geteuid() != 0)
		return true;
	if (file->st_uid != 0)
		refuse(source, errors, "owned by user %lu: run \"chown root %s\"",
		       (unsigned long)file->st_uid, source->path);
	else if (file->st_mode & (S_IWGRP | S_IWOTH))
		refuse(source, errors, "writable by others than root: run \"chmod go-w %s\"",
		       source->path);
	else
		return true;
	return false;
}

static bool is_usable(const struct source *source, int fd, struct config_errors *errors)
{
	struct stat file;

	if (fstat(fd, &file) < 0)
		refuse(source, errors, "cannot read it: %m");
	else if (S_ISDIR(file.st_mode))
		refuse(source, errors, "this is a directory, name a file");
	else if (!S_ISREG(file.st_mode))
		refuse(source, errors, "this is not a regular file, name one");
	else
		return is_trusted(source, &file, errors);
	return false;
}

/* NULL: not usable, and told.  Never waits, not even for the writer of a fifo. */
static FILE *open_source(const struct source *source, struct config_errors *errors)
{
	int fd = open(source->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	FILE *in = NULL;

	if (fd < 0)
		refuse(source, errors, "cannot open it: %m");
	else if (is_usable(source, fd, errors)) {
		in = fdopen(fd, "r");
		if (!in)
			refuse(source, errors, "cannot read it: %m");
	}
	if (!in)
		util_close(fd);
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

static void read_matches(struct draft *draft, const char *pattern, struct place where)
{
	struct source source = {pattern, where};
	glob_t found = {0};
	int result = glob(pattern, GLOB_NOSORT, stop_glob, &found);

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

struct config *config_load(const char *path, struct config_errors *errors)
{
	size_t wrong = errors->total;
	struct draft draft = {.store = store_create(), .errors = errors};
	struct source source = {path, {path, 0}};

	if (draft.store) {
		read_source(&draft, &source);
		read_includes(&draft);
	}
	return build_config(&draft, true, wrong);
}

void config_destroy(struct config *config)
{
	if (config)
		store_destroy(config->store);
}
