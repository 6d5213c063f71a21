/* SPDX-License-Identifier: MIT */
/* reader - an INI file as sections and keys, each with its line. */
#include <ini.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "common/text.h"
#include "master/reader.h"

#define BOM	 "\xef\xbb\xbf"
#define BOM_SIZE 3

/*
 * What inih is handed for a line:
 *
 *	[name]		the same, and "=" as the line after it
 *	key = value	the same, without indentation and comment
 *	rest		of a value continued by '\': "=rest"
 *
 * No key of a file is empty, so what inih reports with an empty key is ours: the rest of a
 * value, or else a new section, which inih by itself reports only with its first key.
 */
struct reader {
	FILE *in;
	const struct reader_events *events;
	void *user;
	struct config_errors *errors;
	struct place where;			   /* of the line in text */
	size_t size;				   /* [bytes] read so far */
	char text[BOM_SIZE + READER_LINE_MAX + 2]; /* the line, "\r" and NUL */
	size_t len;	   /* [bytes] of the line, also those that found no room */
	char last;	   /* its last byte */
	bool is_announced; /* the line before was "[name]": "=" comes next */
	bool continues;	   /* the line ends with '\' */
	bool has_section;  /* there was a section line */
	bool ignores;	   /* it was wrong: nobody knows whose keys these are */
	bool drops;	   /* something about this key is wrong and was told */
	/* The key being put together; key_where.line is 0 for none. */
	struct place key_where;
	bool adds;
	char key[READER_LINE_MAX + 1];
	char value[READER_VALUE_MAX + 1];
	size_t value_len;
	int status; /* -1: an event or inih failed, errno is error */
	int error;
};

UTIL_PRINTF(2, 3) static void drop(struct reader *r, const char *fmt, ...)
{
	char message[256];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(message, sizeof(message), fmt, args); /* a sentence with a short quote */
	va_end(args);
	config_errors_add(r->errors, r->where, "%s", message);
	r->drops = true;
}

static void note_status(struct reader *r, int status)
{
	if (status == 0)
		return;
	r->status = status;
	r->error = errno;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_control(char c)
{
	return (c >= '\0' && c < ' ' && c != '\t') || c == 0x7f;
}

static void trim_end(char *text, size_t len)
{
	while (len > 0 && is_blank(text[len - 1]))
		len--;
	text[len] = '\0';
}

/* Takes away a comment and the blanks around the rest; returns the rest, which may be empty. */
static char *trim(char *text)
{
	text += strspn(text, " \t");
	for (char *c = text; (c = strchr(c, ';')); c++) {
		if (c == text || is_blank(c[-1])) {
			*c = '\0';
			break;
		}
	}
	if (*text == '#')
		*text = '\0';
	trim_end(text, strlen(text));
	return text;
}

static bool is_comment(const char *text)
{
	text += strspn(text, " \t");
	return *text == ';' || *text == '#';
}

/* A file that is too large ends early here; the rest of it is noticed at the end. */
static int next_byte(struct reader *r)
{
	int c = r->size < READER_FILE_MAX ? getc_unlocked(r->in) : EOF;

	if (c != EOF)
		r->size++;
	return c;
}

static bool read_line(struct reader *r)
{
	int c;

	r->len = 0;
	r->last = '\0';
	while ((c = next_byte(r)) != EOF && c != '\n') {
		if (r->len < sizeof(r->text) - 1)
			r->text[r->len] = (char)c;
		r->len++;
		if (c != '\r')
			r->last = (char)c;
	}
	if (c == EOF && r->len == 0)
		return false;
	r->where.line++;
	return true;
}

/* Removes what editors of other systems add; r->text is not terminated before. */
static void clean_line(struct reader *r)
{
	size_t kept = r->len < sizeof(r->text) - 1 ? r->len : sizeof(r->text) - 1;

	r->text[kept] = '\0';
	if (r->len == kept && kept > 0 && r->text[kept - 1] == '\r')
		r->text[--r->len] = '\0';
	if (r->where.line == 1 && strncmp(r->text, BOM, BOM_SIZE) == 0) {
		memmove(r->text, r->text + BOM_SIZE, sizeof(r->text) - BOM_SIZE);
		r->len -= BOM_SIZE;
	}
}

static bool is_sound(struct reader *r)
{
	clean_line(r);
	if (r->len > READER_LINE_MAX) {
		drop(r, "line of %zu bytes: at most %d, end it with \"\\\" and go on in the next",
		     r->len, READER_LINE_MAX);
		return false;
	}
	for (size_t i = 0; i < r->len; i++) {
		if (!is_control(r->text[i]))
			continue;
		drop(r, "%s 0x%02x: this is no text", r->text[i] ? "control character" : "NUL byte",
		     (unsigned char)r->text[i]);
		return false;
	}
	return true;
}

static bool is_section(struct reader *r, const char *text)
{
	const char *name = text + 1;
	size_t len = strcspn(name, "]");
	char quote[64];

	(void)text_escape(quote, sizeof(quote), text, strlen(text));
	if (!name[len])
		drop(r, "\"%s\" has no \"]\": write \"[NAME]\"", quote);
	else if (name[len + 1])
		drop(r, "\"%s\": nothing but a comment may follow the \"]\"", quote);
	else if (len == 0)
		drop(r, "section without a name: write \"[NAME]\"");
	else if (len > READER_SECTION_MAX)
		drop(r, "section name of %zu characters: at most %d", len, READER_SECTION_MAX);
	r->has_section = true;
	r->ignores = r->drops;
	r->is_announced = !r->drops;
	return !r->drops;
}

static bool is_key(struct reader *r, const char *text)
{
	size_t len = strcspn(text, "=:");
	char quote[64];

	r->adds = len > 0 && text[len - 1] == '+';
	(void)text_escape(quote, sizeof(quote), text, strlen(text));
	if (text[len] == ':')
		drop(r, "\"%s\": \":\" does not end a key, write \"key = value\"", quote);
	else if (!text[len])
		drop(r, "\"%s\" has no \"=\": write \"key = value\"", quote);
	else if (len == (r->adds ? 1 : 0))
		drop(r, "\"%s\" has no key: write \"key = value\"", quote);
	else if (!r->has_section)
		drop(r, "\"%s\" stands outside a section: write \"[NAME]\" above it", quote);
	return !r->drops;
}

/* Hands out the key whose value is complete; errors are those of its first line. */
static void finish_key(struct reader *r)
{
	struct place where = r->key_where, here = r->where;

	r->key_where.line = 0;
	if (where.line == 0 || r->drops)
		return;
	r->where = where;
	trim_end(r->value, r->value_len);
	if (!r->value[0])
		drop(r, "\"%s\" has no value", r->key);
	else if (r->value[strlen(r->value) - 1] == '\\')
		drop(r, "a value cannot end with \"\\\"");
	else
		note_status(r, r->events->key(r->user, r->key, r->adds, r->value, where));
	r->where = here;
}

/* Whether the line is for inih; text is what is left of it. */
static bool is_wanted(struct reader *r, bool continued, const char *text)
{
	if (r->drops && continued)
		return false;
	if (continued)
		return true;
	r->drops = false;
	if (*text == '[')
		return is_section(r, text);
	if (r->ignores)
		r->drops = true;
	return !r->ignores && is_key(r, text);
}

/* Copies the line to str for inih, or returns false: there is nothing in it. */
static bool hand_line(struct reader *r, char *str, int num)
{
	bool continued = r->continues;
	char *text;

	if (!continued)
		finish_key(r);
	if (!is_sound(r)) {
		r->continues = r->last == '\\';
		return false;
	}
	if (is_comment(r->text))
		return false;
	text = trim(r->text);
	r->continues = *text && text[strlen(text) - 1] == '\\';
	if (!*text || !is_wanted(r, continued, text))
		return false;
	if (snprintf(str, (size_t)num, "%s%s", continued ? "=" : "", text) < num)
		return true;
	drop(r, "the inih library of this system takes at most %d bytes", num - 1);
	return false;
}

/* ini_reader: as fgets(3). */
static char *next_line(char *str, int num, void *stream)
{
	struct reader *r = stream;

	if (r->is_announced) {
		r->is_announced = false;
		return strcpy(str, "=");
	}
	while (r->status == 0 && read_line(r))
		if (hand_line(r, str, num))
			return str;
	return NULL;
}

static void append(struct reader *r, const char *piece)
{
	size_t len = strlen(piece);

	if (r->continues)
		len--; /* the '\' */
	if (r->value_len + len > READER_VALUE_MAX) {
		drop(r, "value of more than %d bytes", READER_VALUE_MAX);
		return;
	}
	memcpy(&r->value[r->value_len], piece, len);
	r->value_len += len;
}

static void begin_key(struct reader *r, const char *name, const char *value)
{
	size_t len = strlen(name) - (r->adds ? 1 : 0);

	r->key_where = r->where;
	r->value_len = 0;
	memcpy(r->key, name, len); /* name is a part of a line, so it fits */
	trim_end(r->key, len);
	if (*value == ';') /* a comment to whoever wrote "key =;", but a value to inih */
		drop(r, "a value cannot begin with \";\"");
	append(r, value);
}

/* ini_handler: 1 is success. */
static int take_pair(void *user, const char *section, const char *name, const char *value)
{
	struct reader *r = user;

	if (*name)
		begin_key(r, name, value);
	else if (r->key_where.line > 0)
		append(r, value);
	else
		note_status(r, r->events->section(r->user, section, r->where));
	return 1;
}

static void check_end(struct reader *r)
{
	if (r->continues && !r->drops)
		drop(r, "the file ends within a value: remove the last \"\\\"");
	finish_key(r);
	if (r->size == READER_FILE_MAX && getc_unlocked(r->in) != EOF)
		drop(r,
		     "file of more than %d bytes: move sections to a file that \"include\" names",
		     READER_FILE_MAX);
}

int reader_parse(FILE *in, const char *file, const struct reader_events *events, void *user,
		 struct config_errors *errors)
{
	CLEANUP_FREE struct reader *r = calloc(1, sizeof(*r));
	int refused;

	if (!r)
		return -1;
	r->in = in;
	r->events = events;
	r->user = user;
	r->errors = errors;
	r->where.file = file;
	refused = ini_parse_stream(next_line, r, take_pair, r);
	if (ferror(in))
		return -1;
	if (r->status == 0)
		check_end(r);
	if (refused != 0)
		drop(r, "the inih library of this system does not read this file");
	errno = r->error;
	return r->status;
}
