/* SPDX-License-Identifier: MIT */
/* log - lines to stderr or syslog. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/log.h"
#include "common/text.h"

#define LINE_SIZE 4096 /* PIPE_BUF: lines of several processes never mix in a pipe */

enum sink { SINK_STDERR, SINK_JOURNAL, SINK_SYSLOG, SINK_NONE };

struct level {
	const char *word;
	int priority;
};

static const struct level levels[] = {
	{"error", LOG_ERR},
	{"warning", LOG_WARNING},
	{"info", LOG_INFO},
	{"debug", LOG_DEBUG},
};

static const char *log_ident = "cservd";
static int log_level = LOG_INFO;
static enum sink log_sink = SINK_STDERR;
static unsigned long log_lost; /* lines, since the last that was written */

/* JOURNAL_STREAM names device and inode of the journal's socket (systemd.exec(5)). */
static bool is_journal(const struct stat *err)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	int end = 0;

	if (!stream || sscanf(stream, "%llu:%llu%n", &device, &inode, &end) != 2 || stream[end])
		return false;
	return device == err->st_dev && inode == err->st_ino;
}

/* A closed stderr is none for ever: its number may come to be a client's socket. */
static enum sink choose_sink(bool to_syslog)
{
	struct stat err;

	if (to_syslog)
		return SINK_SYSLOG;
	if (fstat(STDERR_FILENO, &err) != 0)
		return SINK_NONE;
	return is_journal(&err) ? SINK_JOURNAL : SINK_STDERR;
}

/* The journal adds the name itself. */
static size_t write_prefix(char line[LINE_SIZE], int priority)
{
	int len = log_sink == SINK_JOURNAL ? snprintf(line, LINE_SIZE, "<%d>", priority)
					   : snprintf(line, LINE_SIZE, "%.64s: ", log_ident);

	return len > 0 ? (size_t)len : 0;
}

/* Whether a line can be written without waiting: a pipe that poll(2) calls writable takes PIPE_BUF
 * bytes, and a line is shorter. */
static bool is_writable(void)
{
	struct pollfd err = {.fd = STDERR_FILENO, .events = POLLOUT};

	return poll(&err, 1, 0) == 1;
}

static void write_line(int priority, const char *text, size_t len)
{
	char line[LINE_SIZE];
	size_t end = write_prefix(line, priority);
	ssize_t written;

	end += text_escape_controls(&line[end], sizeof(line) - end, text, len);
	line[end++] = '\n'; /* in place of the NUL */
	do
		written = write(STDERR_FILENO, line, end);
	while (written < 0 && errno == EINTR);
	/* There is nowhere to say that a line could not be written. */
}

/* Nobody reads stderr: the line is lost, and counted, for a log must not stop who writes it. */
static void write_stderr(int priority, const char *text, size_t len)
{
	char lost[64];

	if (!is_writable()) {
		log_lost++;
		return;
	}
	if (log_lost > 0) {
		int size = snprintf(lost, sizeof(lost), "%lu lines were lost: nobody read them",
				    log_lost);

		log_lost = 0;
		write_line(LOG_WARNING, lost, (size_t)size);
	}
	if (is_writable())
		write_line(priority, text, len);
	else
		log_lost++;
}

static void write_syslog(int priority, const char *text, size_t len)
{
	char line[LINE_SIZE];

	(void)text_escape_controls(line, sizeof(line), text, len); /* too long is cut */
	syslog(priority, "%s", line);
}

void log_init(const char *ident, int level, bool to_syslog)
{
	if (log_sink == SINK_SYSLOG)
		closelog();
	log_ident = ident;
	log_level = level;
	log_sink = choose_sink(to_syslog);
	if (log_sink == SINK_SYSLOG)
		openlog(ident, LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

void log_vline(int priority, const char *fmt, va_list args)
{
	int saved = errno; /* vsnprintf() reads it for %m */
	char text[LINE_SIZE];

	if (priority > log_level || log_sink == SINK_NONE)
		return;
	if (vsnprintf(text, sizeof(text), fmt, args) < 0)
		(void)snprintf(text, sizeof(text), "%s", fmt); /* better than no line */
	if (log_sink == SINK_SYSLOG)
		write_syslog(priority, text, strlen(text));
	else
		write_stderr(priority, text, strlen(text));
	errno = saved;
}

void log_line(int priority, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_vline(priority, fmt, args);
	va_end(args);
}

void log_error(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_vline(LOG_ERR, fmt, args);
	va_end(args);
}

void log_warning(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_vline(LOG_WARNING, fmt, args);
	va_end(args);
}

void log_info(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_vline(LOG_INFO, fmt, args);
	va_end(args);
}

void log_debug(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_vline(LOG_DEBUG, fmt, args);
	va_end(args);
}

int log_level_parse(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		if (strcmp(levels[i].word, word) == 0)
			return levels[i].priority;
	return -1;
}

const char *log_level_word(int level)
{
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		if (levels[i].priority == level)
			return levels[i].word;
	return NULL;
}
