/* SPDX-License-Identifier: MIT */
/* health - tells load balancers and monitors over HTTP that this server is up. */
#include <cservd/plugin.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "request.h"

#define SEPARATORS " \t,"

struct answer {
	int status;
	const char *reason;
	const char *fields; /* further ones, each with CRLF */
	const char *body;
};

static const struct answer answers[] = {
	{200, "OK", "", "ok\n"},
	{400, "Bad Request", "", "bad request\n"},
	{404, "Not Found", "", "not found\n"},
	{405, "Method Not Allowed", "Allow: GET, HEAD\r\n", "method not allowed\n"},
	{408, "Request Timeout", "", "request timeout\n"},
	{431, "Request Header Fields Too Large", "", "request head too large\n"},
	{503, "Service Unavailable", "", "draining\n"},
	{505, "HTTP Version Not Supported", "", "HTTP version not supported\n"},
};

static const char *paths; /* opt.path; NULL: every path */

/* The next word of the list at *cursor, not terminated; its length in *ret_len, 0 at the end. */
static const char *next_path(const char **cursor, size_t *ret_len)
{
	const char *word = *cursor + strspn(*cursor, SEPARATORS);

	*ret_len = strcspn(word, SEPARATORS);
	*cursor = word + *ret_len;
	return word;
}

static int config(struct cservd_service *service)
{
	const char *list = NULL, *cursor, *word;
	size_t len;

	cservd_option_text(service, "path", &list);
	paths = list;
	cursor = list != NULL ? list : "";
	while (word = next_path(&cursor, &len), len > 0) {
		if (*word != '/')
			cservd_option_error(service, "path", "\"%.*s\" must begin with \"/\"",
					    (int)len, word);
		else if (strcspn(word, "?#") < len)
			cservd_option_error(service, "path", "\"%.*s\" must have no \"?\" or \"#\"",
					    (int)len, word);
	}
	return 0;
}

static bool is_listed(const char *path)
{
	const char *cursor = paths, *word;
	size_t len;

	if (paths == NULL)
		return true;
	while (word = next_path(&cursor, &len), len > 0)
		if (strlen(path) == len && memcmp(word, path, len) == 0)
			return true;
	return false;
}

static int choose_status(struct cservd_conn *conn, const struct request *request)
{
	if (!request->is_head && strcmp(request->method, "GET") != 0)
		return 405;
	if (request->path == NULL)
		return 400;
	if (!is_listed(request->path))
		return 404;
	return cservd_draining(cservd_service(conn)) ? 503 : 200;
}

/* Days and months as HTTP wants them; those of strftime(3) follow the locale. */
static void format_date(char *text, size_t size)
{
	static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t now = time(NULL);
	struct tm tm;

	(void)gmtime_r(&now, &tm); /* fails only for years beyond an int */
	(void)snprintf(text, size, "%s, %02d %s %d %02d:%02d:%02d GMT", days[tm.tm_wday],
		       tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
		       tm.tm_sec); /* size is enough for any year */
}

static int write_answer(struct cservd_conn *conn, int status, bool with_body)
{
	const struct answer *answer = answers;
	char date[64];

	while (answer->status != status)
		answer++;
	format_date(date, sizeof(date));
	return cservd_printf(conn,
			     "HTTP/1.1 %d %s\r\n"
			     "Date: %s\r\n"
			     "Content-Type: text/plain\r\n"
			     "Content-Length: %zu\r\n"
			     "Cache-Control: no-store\r\n"
			     "%s"
			     "Connection: close\r\n"
			     "\r\n"
			     "%s",
			     status, answer->reason, date, strlen(answer->body), answer->fields,
			     with_body ? answer->body : "");
}

static int stream(struct cservd_conn *conn)
{
	struct request request;
	int status = request_read(conn, &request);

	if (status == 200)
		status = choose_status(conn, &request);
	if (status <= 0)
		return status;
	return write_answer(conn, status, !request.is_head);
}

CSERVD_PLUGIN(.name = "health", .version = "0.1",
	      .help = "path = the paths that are answered, separated by blanks or commas; "
		      "without it every path is\n",
	      .flags = CSERVD_FIBER_SAFE, .config = config, .stream = stream);
