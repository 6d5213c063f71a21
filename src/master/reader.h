/* SPDX-License-Identifier: MIT */
/*
 * reader - an INI file as sections and keys, each with its line.
 *
 * inih splits the lines, but the library as distributions build it cuts long lines and names
 * silently, gives no line numbers, folds indented lines into the key above, and neither reports
 * an empty section nor the second of two sections with one name.  So it is fed by a reader of our
 * own (ini_parse_stream) that hands it only lines it gets right.
 */
#ifndef MASTER_READER_H
#define MASTER_READER_H

#include <stdio.h>

#include "master/config.h"

#define READER_LINE_MAX	   198	/* [bytes] of a line, without its end */
#define READER_VALUE_MAX   8192 /* [bytes] of a value, continued lines together */
#define READER_SECTION_MAX (SETTINGS_NAME_SIZE - 1)
#define READER_FILE_MAX	   (8 << 20) /* [bytes] of a file */

/* What the reader finds; texts live as long as the call.  0, or -1 with errno to end. */
struct reader_events {
	int (*section)(void *user, const char *name, struct place where);
	/* `key = value`, or `key += value` if adds is true; value is never empty. */
	int (*key)(void *user, const char *name, bool adds, const char *value, struct place where);
};

/*
 * Reads in to its end.  file: its name for places, which lives as long as they do.  Adds what is
 * wrong to errors and goes on.  Returns 0, even if there were errors, or -1 with errno if
 * reading failed or an event returned -1.
 */
int reader_parse(FILE *in, const char *file, const struct reader_events *events, void *user,
		 struct config_errors *errors) UTIL_CHECKED;

#endif
