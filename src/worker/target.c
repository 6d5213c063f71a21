/* SPDX-License-Identifier: MIT */
/* target - reads the places that .config names, and seals the list of them. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "common/settings.h"
#include "common/text.h"
#include "worker/report.h"
#include "worker/service.h"
#include "worker/target.h"

#define UNIX_PREFIX   "unix:"
#define PATH_SIZE     sizeof(((struct sockaddr_un *)0)->sun_path)
#define NAME_MAX_LEN  253
#define PORT_MAX      65535
#define PORT_SENTENCE "the port must be a number from 1 to 65535"

struct suffix {
	const char *text;
	enum target_kind kind;
};

static const struct suffix suffixes[] = {
	{"", TARGET_TCP}, {"/tcp", TARGET_TCP}, {"/udp", TARGET_UDP}};

/* In place, for plugins keep pointers to them.  Filled by .config, one thread, then read only. */
static struct cservd_target targets[TARGET_MAX];
static uint32_t used;

/* The parse_ functions return NULL, or what is wrong. */

static const char *parse_path(const char *path, struct cservd_target *target)
{
	if (path[0] != '/')
		return "the path must be absolute, write unix:/PATH";
	if (strlen(path) >= PATH_SIZE)
		return "the path is too long for a socket, at most 107 bytes";
	target->kind = TARGET_UNIX;
	strcpy(target->host, path);
	return NULL;
}

static const char *parse_suffix(const char *text, struct cservd_target *target)
{
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
		if (strcmp(text, suffixes[i].text) == 0) {
			target->kind = suffixes[i].kind;
			return NULL;
		}
	return "the protocol must be /tcp or /udp";
}

static const char *parse_port(const char *text, size_t len, struct cservd_target *target)
{
	char digits[TARGET_PORT_SIZE] = "";
	uint64_t port;

	if (len >= sizeof(digits))
		return PORT_SENTENCE;
	memcpy(digits, text, len);
	if (text_parse_number(digits, 0, PORT_MAX, &port) == -1)
		return PORT_SENTENCE;
	if (port == 0)
		return "port 0 is not allowed";
	(void)snprintf(target->port, sizeof(target->port), "%u",
		       (unsigned int)port); /* 5 digits fit */
	return NULL;
}

static const char *parse_name(const char *name, size_t len, struct cservd_target *target)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-._";

	if (len == 0)
		return "the host is missing, write HOST:PORT";
	if (memchr(name, ':', len) != NULL)
		return "an IPv6 address needs brackets, write [ADDRESS]:PORT";
	if (len > NAME_MAX_LEN)
		return "the host is too long, at most 253 characters";
	if (strspn(name, allowed) < len)
		return "a host name has letters, digits, '-', '.' and '_' only";
	memcpy(target->host, name, len);
	return NULL;
}

/* What stands between brackets: an IPv6 address, perhaps with the scope %INTERFACE. */
static const char *parse_ipv6(const char *text, size_t len, struct cservd_target *target)
{
	char address[INET6_ADDRSTRLEN] = "";
	struct in6_addr ignored;
	const char *scope = memchr(text, '%', len);
	size_t address_len = scope ? (size_t)(scope - text) : len;

	if (len >= sizeof(target->host) || address_len >= sizeof(address))
		return "what is in the brackets is too long for an IPv6 address";
	memcpy(address, text, address_len);
	if (inet_pton(AF_INET6, address, &ignored) != 1 || address_len + 1 == len)
		return "there must be an IPv6 address in the brackets";
	memcpy(target->host, text, len);
	return NULL;
}

static const char *parse_host(const char *text, size_t len, struct cservd_target *target)
{
	if (len >= 2 && text[0] == '[' && text[len - 1] == ']')
		return parse_ipv6(text + 1, len - 2, target);
	return parse_name(text, len, target);
}

static const char *parse_network(const char *where, struct cservd_target *target)
{
	size_t len = strcspn(where, "/");
	const char *why = parse_suffix(where + len, target);
	const char *colon = memrchr(where, ':', len);

	if (why != NULL)
		return why;
	if (colon == NULL)
		return "the port is missing, write HOST:PORT";
	why = parse_host(where, (size_t)(colon - where), target);
	if (why != NULL)
		return why;
	return parse_port(colon + 1, (size_t)(where + len - (colon + 1)), target);
}

/* Reports a target that cannot be; names the option whose text it is, if it is one. */
static void refuse(const char *where, const char *why)
{
	service.config_wrong = true;
	errno = EINVAL;
	for (uint32_t i = 0; i < service.settings->options; i++) {
		const struct option *option = &service.options[i];

		if (option->value == where) {
			report_state(MESSAGE_WRONG, "%s: opt.%s: \"%s\": %s", option->where,
				     option->name, where, why);
			return;
		}
	}
	report_state(MESSAGE_WRONG, "%s: target \"%s\": %s", service.where, where, why);
}

int target_parse(const char *where, struct cservd_target *ret, const char **ret_why)
{
	struct cservd_target target = {0};
	const char *why;

	if (strncmp(where, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
		why = parse_path(where + strlen(UNIX_PREFIX), &target);
	else
		why = parse_network(where, &target);
	if (why != NULL) {
		*ret_why = why;
		errno = EINVAL;
		return -1;
	}
	*ret = target;
	return 0;
}

bool target_is_valid(const struct cservd_target *target, uint32_t index)
{
	uint64_t port;

	if (target->index != index || target->kind >= TARGET_KINDS || target->host[0] == '\0' ||
	    memchr(target->host, '\0', sizeof(target->host)) == NULL ||
	    memchr(target->port, '\0', sizeof(target->port)) == NULL)
		return false;
	if (target->kind == TARGET_UNIX)
		return target->host[0] == '/' && strlen(target->host) < PATH_SIZE;
	return text_parse_number(target->port, 1, PORT_MAX, &port) == 0;
}

uint32_t target_count(void)
{
	return used;
}

int target_seal(void)
{
	size_t size = used * sizeof(targets[0]);
	ssize_t written = pwrite(WORKER_FD_TARGETS, targets, size, 0);

	if (written == -1)
		return -1;
	if ((size_t)written != size) {
		errno = ENOSPC;
		return -1;
	}
	return fcntl(WORKER_FD_TARGETS, F_ADD_SEALS, TARGET_SEALS);
}

CSERVD_EXPORT struct cservd_target *cservd_target(struct cservd_service *s, const char *where)
{
	struct cservd_target *target = &targets[used];
	const char *why;

	if (!s->in_config) {
		report_log(LOG_ERR, "target \"%s\" refused: targets are named in .config only",
			   where);
		errno = EINVAL;
		return NULL;
	}
	if (used == TARGET_MAX) {
		refuse(where, "a service has at most 256 targets");
		return NULL;
	}
	if (target_parse(where, target, &why) == -1) {
		refuse(where, why);
		return NULL;
	}
	target->index = used++;
	return target;
}
