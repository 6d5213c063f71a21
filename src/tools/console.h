/* SPDX-License-Identifier: MIT */
/* console - the user's side of cservc: lines from stdin, bytes to stdout, a tidy prompt. */
#ifndef TOOLS_CONSOLE_H
#define TOOLS_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/util.h"

#define CONSOLE_SIZE 65536 /* [bytes] more than any datagram, so no line that fits one is cut */

struct console {
	bool is_terminal;   /* both stdin and stdout: there is somebody to prompt */
	bool is_prompted;   /* the cursor stands behind a prompt */
	bool is_ended;	    /* end of file was read */
	unsigned char last; /* byte shown last; LF: the cursor is where a line starts */
	size_t at, end;	    /* bytes[at..end) is read and not yet handed out */
	char bytes[CONSOLE_SIZE];
};

void console_init(struct console *console);

/* As read(2) on stdin without EINTR; a terminal gives one line at a time. */
ssize_t console_read(struct console *console, void *buf, size_t size) UTIL_CHECKED;

/* Reads once, for console_next_line().  0, or -1 with errno (EAGAIN: nothing there now). */
int console_fill(struct console *console) UTIL_CHECKED;

/*
 * The next line without its LF; a last line may lack it.  A line longer than the buffer comes
 * in pieces of CONSOLE_SIZE.  It is valid until the next console_fill().  False: read more.
 */
bool console_next_line(struct console *console, const char **ret_line, size_t *ret_len);

/* True if this is the line that ends a session on a terminal. */
bool console_is_quit(const struct console *console, const char *line, size_t len);

/* All of it to stdout as it is.  0 or -1 with errno. */
int console_write(const void *bytes, size_t len) UTIL_CHECKED;

/*
 * All of it to the terminal, in place of the prompt; control characters except tab, CR and LF
 * become \xNN, because a server must not command the terminal.  0 or -1 with errno.
 */
int console_show(struct console *console, const void *bytes, size_t len) UTIL_CHECKED;

/* Begins a new line where one is needed, without a prompt.  0 or -1 with errno. */
int console_start_line(struct console *console) UTIL_CHECKED;

/* Prompts on a line of its own unless the prompt is there.  0 or -1 with errno. */
int console_prompt(struct console *console) UTIL_CHECKED;

#endif
