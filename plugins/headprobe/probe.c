/* SPDX-License-Identifier: MIT */
/* probe - sends one HEAD request and reports on the answer. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "limits.h"
#include "probe.h"
#include "response.h"

/* All from CLOCK_MONOTONIC. */
struct times {
	struct timespec start, connected, ended;
};

/* cservd_connect() says with these what went wrong; every other value is internal. */
static const struct {
	int error;
	const char *text;
} connect_errors[] = {
	{ECONNREFUSED, "refused"},
	{ECONNRESET, "refused"},
	{EHOSTUNREACH, "unreachable"},
	{ENETUNREACH, "unreachable"},
	{EHOSTDOWN, "unreachable"},
	{ENETDOWN, "unreachable"},
	{ETIMEDOUT, "timeout connect " LIMIT_TEXT(LIMIT_CONNECT_MS) "ms"},
	{ENXIO, "dns name not found"},
	{EAGAIN, "dns no answer"},
	{EPROTO, "dns failed"},
};

/* Response fields worth a place in the status line. */
static const struct {
	const char *key, *field;
} summary[] = {
	{"server", "Server"},
	{"type", "Content-Type"},
	{"length", "Content-Length"},
	{"location", "Location"},
};

static struct timespec now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
	return now;
}

/* [ms] */
static double between(struct timespec from, struct timespec to)
{
	return (double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) / 1e6;
}

static const char *connect_problem(void)
{
	for (size_t i = 0; i < sizeof(connect_errors) / sizeof(connect_errors[0]); i++)
		if (connect_errors[i].error == errno)
			return connect_errors[i].text;
	return RESPONSE_INTERNAL;
}

/*
 * Writes text that a stranger chose, so that it can neither end the line nor reach a terminal:
 * all but printable ASCII becomes \xNN, and so do the backslash and what is in special.
 */
static void print_harmless(FILE *out, const char *text, const char *special)
{
	for (; *text != '\0'; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte < ' ' || byte > '~' || byte == '\\' || strchr(special, byte) != NULL)
			fprintf(out, "\\x%02X", byte);
		else
			fputc(byte, out);
	}
}

/* Numbers as they are, everything else in quotes. */
static void print_summary(FILE *out, const char *key, const char *value)
{
	if (*value != '\0' && value[strspn(value, "0123456789")] == '\0') {
		fprintf(out, " %s=%s", key, value);
		return;
	}
	fprintf(out, " %s=\"", key);
	print_harmless(out, value, "\"");
	fputc('"', out);
}

/* Many servers know GET only: that they answer at all says that they are up. */
static bool is_unsupported(const struct response *response)
{
	return response->status == 405 || response->status == 501;
}

static const char *verdict(const struct response *response, const struct probe_rules *rules)
{
	static const char *const words[] = {
		[UNSUPPORTED_WARN] = "WARN",
		[UNSUPPORTED_OK] = "OK",
		[UNSUPPORTED_FAIL] = "FAIL",
	};

	if (rules->is_expected[response->status])
		return "OK";
	return is_unsupported(response) ? words[rules->unsupported] : "FAIL";
}

static void print_response(FILE *out, const struct response *response, const char *word,
			   const struct times *times)
{
	double total = between(times->start, times->ended);

	fprintf(out, "%s %u HTTP/1.%d %.1fms connect=%.1f ttfb=%.1f total=%.1f", word,
		response->status, response->minor, total, between(times->start, times->connected),
		between(times->connected, response->first), total);
}

static void print_details(FILE *out, const struct response *response, const struct probe *probe,
			  const char *address)
{
	fprintf(out, " addr=%s", address);
	for (size_t i = 0; i < sizeof(summary) / sizeof(summary[0]); i++) {
		const char *value = response_value(response, summary[i].field);

		if (value != NULL)
			print_summary(out, summary[i].key, value);
	}
	if (probe->name != NULL) {
		fputs(" target=", out);
		print_harmless(out, probe->name, "\"");
	}
	if (is_unsupported(response))
		fputs(" note=\"HEAD unsupported\"", out);
	fputc('\n', out);
	for (unsigned int i = 0; i < response->field_count; i++) {
		fprintf(out, "%s: ", response->fields[i].name);
		print_harmless(out, response->fields[i].value, "");
		fputc('\n', out);
	}
}

/* Asks over conn.  NULL, or what went wrong. */
static const char *exchange(struct cservd_conn *conn, const char *request,
			    struct response *ret_response)
{
	cservd_deadline(conn, LIMIT_RESPONSE_MS);
	/* A server may answer and close before it has read all: then only the write fails. */
	if (cservd_write(conn, request, strlen(request)) == -1 && errno != EPIPE &&
	    errno != ECONNRESET)
		return RESPONSE_INTERNAL;
	return response_read(conn, ret_response);
}

static void print_problem(FILE *out, const struct probe *probe, const char *problem)
{
	if (strcmp(problem, RESPONSE_INTERNAL) == 0)
		cservd_log(LOG_WARNING, "probe of target \"%s\" failed: %m",
			   probe->name != NULL ? probe->name : "opt.target");
	fprintf(out, "ERR %s\n", problem);
}

static void run(const struct probe *probe, const struct probe_rules *rules, FILE *out)
{
	struct times times = {.start = now()};
	struct cservd_conn *conn = cservd_connect(probe->target, LIMIT_CONNECT_MS);
	struct response response;
	const char *problem;

	if (conn == NULL) {
		print_problem(out, probe, connect_problem());
		return;
	}
	times.connected = now();
	problem = exchange(conn, probe->request, &response);
	times.ended = now();
	if (problem != NULL) {
		print_problem(out, probe, problem);
	} else {
		print_response(out, &response, verdict(&response, rules), &times);
		print_details(out, &response, probe, cservd_peer(conn));
	}
	cservd_close(conn);
}

char *probe_run(const struct probe *probe, const struct probe_rules *rules, size_t *ret_len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, ret_len);

	if (out == NULL)
		return NULL;
	run(probe, rules, out);
	if (fclose(out) == EOF) {
		free(text);
		return NULL;
	}
	return text;
}
