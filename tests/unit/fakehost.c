/* SPDX-License-Identifier: MIT */
/* fakehost - the cservd_* calls over memory, so that a plugin's handlers run inside a test. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "fakehost.h"

#define MAX_OPTIONS 64
#define MAX_KEPT    65536
#define MAX_TEXT    8192

struct cservd_conn {
	struct fake_script script;
	size_t at;
	char *out; /* NUL-terminated */
	size_t out_len;
	unsigned int writes;
	int write_error;
	bool is_datagram;
};

struct cservd_target {
	char *where;
};

struct cservd_service {
	const char *names[MAX_OPTIONS], *values[MAX_OPTIONS];
	bool asked[MAX_OPTIONS];
	unsigned int options;
	bool draining;
	char refusals[MAX_TEXT];
};

static struct cservd_service service;
static struct fake_peer peer;

/* What several handlers touch at the same time, and where. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *kept[MAX_KEPT]; /* freed by fakehost_reset() */
static unsigned int kept_count, connects, open_conns;
static const char *last_where = "", *last_request = "";

static void *keep(void *pointer)
{
	if (pointer == NULL)
		abort();
	(void)pthread_mutex_lock(&lock); /* cannot fail, nor can the others here */
	if (kept_count == MAX_KEPT)
		abort();
	kept[kept_count++] = pointer;
	(void)pthread_mutex_unlock(&lock);
	return pointer;
}

static void count_conn(int change)
{
	(void)pthread_mutex_lock(&lock);
	open_conns += (unsigned int)change;
	(void)pthread_mutex_unlock(&lock);
}

static struct cservd_conn *open_conn(const struct fake_script *script)
{
	struct cservd_conn *conn = calloc(1, sizeof(*conn));

	if (conn == NULL)
		abort();
	conn->script = *script;
	conn->out = calloc(1, 1);
	if (conn->out == NULL)
		abort();
	count_conn(1);
	return conn;
}

static struct fake_answer run(int (*handler)(struct cservd_conn *), struct cservd_conn *conn)
{
	struct fake_answer answer = {.result = handler(conn), .error = errno};

	answer.bytes = keep(conn->out);
	answer.len = conn->out_len;
	answer.writes = conn->writes;
	free(conn);
	count_conn(-1);
	return answer;
}

static ssize_t fail(int error)
{
	errno = error;
	return -1;
}

/* What a read at the end of the script does. */
static ssize_t end_of(const struct cservd_conn *conn)
{
	switch (conn->script.end) {
	case FAKE_SILENCE: return fail(ETIMEDOUT);
	case FAKE_RESET: return fail(ECONNRESET);
	default: return 0;
	}
}

ssize_t cservd_read(struct cservd_conn *conn, void *buf, size_t size)
{
	size_t len = conn->script.len - conn->at;

	if (len == 0)
		return end_of(conn);
	if (conn->is_datagram && len > size)
		return fail(EMSGSIZE);
	if (conn->script.chunk > 0 && len > conn->script.chunk)
		len = conn->script.chunk;
	if (len > size)
		len = size;
	memcpy(buf, (const char *)conn->script.bytes + conn->at, len);
	conn->at += len;
	return (ssize_t)len;
}

int cservd_readline(struct cservd_conn *conn, char *buf, size_t size)
{
	size_t len = 0;
	bool ended = false;

	while (!ended && conn->at < conn->script.len && len <= size) {
		char byte = ((const char *)conn->script.bytes)[conn->at++];

		ended = byte == '\n';
		if (!ended && len < size)
			buf[len] = byte;
		len += !ended;
	}
	if (!ended && conn->at == conn->script.len && (len == 0 || conn->script.end != FAKE_EOF))
		return (int)end_of(conn);
	if (ended && len > 0 && len <= size && buf[len - 1] == '\r')
		len--;
	if (len >= size)
		return (int)fail(EMSGSIZE);
	buf[len] = '\0';
	return strlen(buf) == len ? 1 : (int)fail(EILSEQ);
}

int cservd_wait(struct cservd_conn *conn, int ms)
{
	(void)ms; /* never lasts */
	return conn->at < conn->script.len || conn->script.end != FAKE_SILENCE;
}

int cservd_write(struct cservd_conn *conn, const void *buf, size_t size)
{
	char *grown;

	if (conn->write_error != 0)
		return (int)fail(conn->write_error);
	grown = realloc(conn->out, conn->out_len + size + 1);
	if (grown == NULL)
		abort();
	memcpy(grown + conn->out_len, buf, size);
	conn->out = grown;
	conn->out_len += size;
	conn->out[conn->out_len] = '\0';
	conn->writes++;
	return 0;
}

int cservd_printf(struct cservd_conn *conn, const char *fmt, ...)
{
	va_list args;
	char *text;
	int len, result;

	va_start(args, fmt);
	len = vasprintf(&text, fmt, args);
	va_end(args);
	if (len == -1)
		abort();
	result = cservd_write(conn, text, (size_t)len);
	free(text);
	return result;
}

void cservd_deadline(struct cservd_conn *conn, int ms)
{
	(void)conn; /* scripts say when a limit passes */
	(void)ms;
}

const char *cservd_peer(const struct cservd_conn *conn)
{
	(void)conn; /* all the same */
	return "192.0.2.7:80";
}

struct cservd_service *cservd_service(const struct cservd_conn *conn)
{
	(void)conn; /* there is one */
	return &service;
}

int cservd_draining(const struct cservd_service *s)
{
	return s->draining;
}

struct cservd_target *cservd_target(struct cservd_service *s, const char *where)
{
	struct cservd_target *target = keep(calloc(1, sizeof(*target)));

	(void)s; /* there is one */
	target->where = keep(strdup(where));
	return target;
}

struct cservd_conn *cservd_connect(const struct cservd_target *target, int ms)
{
	struct cservd_conn *conn;

	(void)ms; /* the peer says when it passes */
	(void)pthread_mutex_lock(&lock);
	connects++;
	last_where = target->where;
	(void)pthread_mutex_unlock(&lock);
	if (peer.connecting != NULL)
		peer.connecting();
	if (peer.error != 0) {
		errno = peer.error;
		return NULL;
	}
	conn = open_conn(&peer.script);
	conn->write_error = peer.write_error;
	return conn;
}

void cservd_close(struct cservd_conn *conn)
{
	const char *request = keep(conn->out);

	(void)pthread_mutex_lock(&lock);
	last_request = request;
	(void)pthread_mutex_unlock(&lock);
	free(conn);
	count_conn(-1);
}

/* The value of an option, or NULL. */
static const char *ask(struct cservd_service *s, const char *name)
{
	for (unsigned int i = 0; i < s->options; i++) {
		if (strcmp(s->names[i], name) == 0) {
			s->asked[i] = true;
			return s->values[i];
		}
	}
	return NULL;
}

void cservd_option_error(struct cservd_service *s, const char *name, const char *fmt, ...)
{
	size_t used = strlen(s->refusals);
	char why[MAX_TEXT / 2];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, args); /* tests use short texts */
	va_end(args);
	(void)snprintf(s->refusals + used, sizeof(s->refusals) - used, "opt.%s: %s\n", name, why);
}

void cservd_option_text(struct cservd_service *s, const char *name, const char **value)
{
	const char *text = ask(s, name);

	if (text != NULL)
		*value = text;
}

void cservd_option_choice(struct cservd_service *s, const char *name, const char *words, int *value)
{
	const char *text = ask(s, name);
	int index = text != NULL ? text_parse_choice(text, words) : *value;

	if (index == -1)
		cservd_option_error(s, name, "none of %s", words);
	else
		*value = index;
}

void cservd_option_int(struct cservd_service *s, const char *name, long min, long max, long *value)
{
	const char *text = ask(s, name);
	int64_t parsed = *value;

	if (text != NULL && text_parse_integer(text, min, max, &parsed) == -1)
		cservd_option_error(s, name, "not from %ld to %ld", min, max);
	*value = (long)parsed;
}

void cservd_option_time(struct cservd_service *s, const char *name, int *ms)
{
	const char *text = ask(s, name);
	uint64_t parsed = (uint64_t)*ms;

	if (text != NULL && text_parse_time(text, &parsed) == -1)
		cservd_option_error(s, name, "not a time");
	*ms = (int)parsed;
}

int cservd_option_next(struct cservd_service *s, const char *prefix, const char **name)
{
	bool found = *name == NULL; /* the one before */

	for (unsigned int i = 0; i < s->options; i++) {
		if (found && strncmp(s->names[i], prefix, strlen(prefix)) == 0) {
			*name = s->names[i];
			return 1;
		}
		found = found || s->names[i] == *name;
	}
	return 0;
}

void cservd_log(int priority, const char *fmt, ...)
{
	(void)priority; /* what a plugin logs is not looked at */
	(void)fmt;
}

void fakehost_reset(void)
{
	if (cservd_plugin.stop != NULL)
		cservd_plugin.stop(&service);
	while (kept_count > 0)
		free(kept[--kept_count]);
	memset(&service, 0, sizeof(service));
	memset(&peer, 0, sizeof(peer));
	connects = 0;
	last_where = "";
	last_request = "";
}

void fakehost_option(const char *name, const char *value)
{
	if (service.options == MAX_OPTIONS)
		abort();
	service.names[service.options] = name;
	service.values[service.options++] = value;
}

int fakehost_config(void)
{
	int result = cservd_plugin.config(&service);

	for (unsigned int i = 0; i < service.options; i++)
		if (!service.asked[i])
			cservd_option_error(&service, service.names[i], "no such option");
	return result == -1 || service.refusals[0] != '\0' ? -1 : 0;
}

const char *fakehost_refusals(void)
{
	return service.refusals;
}

void fakehost_draining(bool draining)
{
	service.draining = draining;
}

void fakehost_peer(const struct fake_peer *wanted)
{
	peer = *wanted;
}

struct fake_answer fakehost_stream(const struct fake_script *client)
{
	return run(cservd_plugin.stream, open_conn(client));
}

struct fake_answer fakehost_datagram(const void *bytes, size_t len)
{
	struct fake_script script = {.bytes = bytes, .len = len};
	struct cservd_conn *conn = open_conn(&script);

	conn->is_datagram = true;
	return run(cservd_plugin.datagram, conn);
}

unsigned int fakehost_connects(void)
{
	return connects;
}

const char *fakehost_where(void)
{
	return last_where;
}

const char *fakehost_request(void)
{
	return last_request;
}

unsigned int fakehost_open_conns(void)
{
	return open_conns;
}
