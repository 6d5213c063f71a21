/* SPDX-License-Identifier: MIT */
/* inifile - configurations in a folder of their own, for tests of what reads them. */
#ifndef TESTS_UNIT_INIFILE_H
#define TESTS_UNIT_INIFILE_H

#include <stddef.h>

#include "master/config.h"

struct inifile {
	char folder[64];
	char path[128]; /* folder/cservd.ini */
	struct config *config;
	struct config_errors errors;
	char *said; /* the errors as lines, without "folder/" */
};

#define INIFILE_STRANGER 54321 /* no user and no group */

/* cmocka fixtures: *state is a struct inifile whose folder is empty, and is removed. */
int inifile_setup(void **state);
int inifile_teardown(void **state);

/*
 * As the two above; where root runs the test, it runs as INIFILE_STRANGER, who owns the
 * folder.
 */
int inifile_setup_ordinary(void **state);
int inifile_teardown_ordinary(void **state);

/* Writes a file into the folder. */
void inifile_write(struct inifile *ini, const char *name, const void *bytes, size_t size);

/* A file of the source tree as text, which the caller frees. */
char *inifile_read_source(const char *path);

/* Loads what is at path, which forgets what was loaded before. */
void inifile_load(struct inifile *ini, const char *path);

/* Writes text as cservd.ini, loads it, and fails unless it is right. */
struct config *inifile_accept(struct inifile *ini, const char *text);

/* Writes text as cservd.ini, loads it, and fails unless the errors are exactly these lines. */
void inifile_refuse(struct inifile *ini, const char *text, const char *said);

/* As before, for a service that is right but for this line, the fourth. */
void inifile_refuse_key(struct inifile *ini, const char *line, const char *said);

#endif
