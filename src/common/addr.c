/* SPDX-License-Identifier: MIT */
/* addr - socket addresses: parse `listen` values, print, compare, classify. */
#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/addr.h"
#include "common/text.h"

#define WORD_SIZE 128 /* the longest address with an interface, port and protocol is 68 */

/* The pieces of a `listen` word, cut apart in copy. */
struct pieces {
	char copy[WORD_SIZE];
	char *host; /* NULL for a bare port */
	bool in_brackets;
	char *port;
	char *protocol;
};

static const char *const protocol_words[] = {[ADDR_TCP] = "tcp", [ADDR_UDP] = "udp"};

static const union addr any4 = {.in4 = {.sin_family = AF_INET}};
static const union addr any6 = {.in6 = {.sin6_family = AF_INET6}};

static int refuse(const char **ret_why, const char *why)
{
	*ret_why = why;
	errno = EINVAL;
	return -1;
}

static bool starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static int cut_protocol(struct pieces *p, const char **ret_why)
{
	char *slash = strrchr(p->copy, '/');

	if (!slash)
		return refuse(ret_why, "the protocol is missing, write PORT/tcp or PORT/udp");
	*slash = '\0';
	p->protocol = slash + 1;
	return 0;
}

static int cut_brackets(struct pieces *p, const char **ret_why)
{
	char *end = strchr(p->copy, ']');

	if (!end)
		return refuse(ret_why, "the closing ] is missing");
	*end = '\0';
	if (end[1] != ':')
		return refuse(ret_why, "a colon and a port must follow the ]");
	p->host = p->copy + 1;
	p->port = end + 2;
	p->in_brackets = true;
	return 0;
}

static int cut_host(struct pieces *p, const char **ret_why)
{
	char *colon = strrchr(p->copy, ':');

	if (p->copy[0] == '[')
		return cut_brackets(p, ret_why);
	p->port = p->copy;
	if (!colon)
		return 0;
	*colon = '\0';
	p->host = p->copy;
	p->port = colon + 1;
	if (strchr(p->host, ':'))
		return refuse(ret_why, "an IPv6 address needs brackets, as in [::1]:7/tcp");
	if (!p->host[0])
		return refuse(ret_why, "the address before the colon is missing");
	return 0;
}

static int cut_pieces(const char *word, struct pieces *p, const char **ret_why)
{
	*p = (struct pieces){0};
	if (starts_with(word, "unix:") || starts_with(word, "unix-dgram:"))
		return refuse(ret_why,
			      "UNIX sockets are not supported, write PORT/tcp or PORT/udp");
	if (starts_with(word, "fd:"))
		return refuse(ret_why,
			      "inherited sockets are not supported, write PORT/tcp or PORT/udp");
	if (strlen(word) >= sizeof(p->copy))
		return refuse(ret_why, "this is too long for an address and a port");
	memcpy(p->copy, word, strlen(word) + 1);
	return cut_protocol(p, ret_why) != 0 ? -1 : cut_host(p, ret_why);
}

static int parse_protocol(const char *text, enum addr_protocol *ret, const char **ret_why)
{
	int index = text_parse_choice(text, "tcp|udp"); /* in the order of the enum */

	if (index < 0)
		return refuse(ret_why, "the protocol must be tcp or udp, as in 7007/tcp");
	*ret = (enum addr_protocol)index;
	return 0;
}

static int look_up_service(const char *name, enum addr_protocol protocol, uint64_t *ret_port,
			   const char **ret_why)
{
	const struct servent *service = getservbyname(name, protocol_words[protocol]);
	struct in_addr ignored;

	if (service) {
		*ret_port = ntohs((uint16_t)service->s_port);
		return 0;
	}
	if (inet_pton(AF_INET, name, &ignored) == 1)
		return refuse(ret_why, "the port is missing, write ADDRESS:PORT/tcp");
	return refuse(ret_why,
		      "neither a port number nor a service of that protocol in /etc/services");
}

/* Writes the port in network order. */
static int parse_port(const struct pieces *p, enum addr_protocol protocol, in_port_t *ret,
		      const char **ret_why)
{
	uint64_t port = 0;

	if (!p->port[0])
		return refuse(ret_why, "the port is missing");
	if (text_parse_number(p->port, 0, UINT16_MAX, &port) != 0) {
		if (errno == ERANGE)
			return refuse(ret_why, "the highest port is 65535");
		if (look_up_service(p->port, protocol, &port, ret_why) != 0)
			return -1;
	}
	if (port == 0)
		return refuse(ret_why, "port 0 is not allowed");
	*ret = htons((uint16_t)port);
	return 0;
}

/* An interface by its name, or by the number that addr_format() writes; 0 if there is none. */
static unsigned int find_interface(const char *scope)
{
	unsigned int index = if_nametoindex(scope);
	char name[IF_NAMESIZE];
	uint64_t number;

	if (index == 0 && text_parse_number(scope, 1, INT32_MAX, &number) == 0 &&
	    if_indextoname((unsigned int)number, name))
		index = (unsigned int)number;
	return index;
}

static int parse_scope(const char *scope, struct sockaddr_in6 *in6, const char **ret_why)
{
	bool is_link_local = IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr);

	if (!scope && !is_link_local)
		return 0;
	if (!scope)
		return refuse(ret_why, "a link-local address needs its interface, as in "
				       "[fe80::1%eth0]:7/tcp");
	if (!is_link_local)
		return refuse(ret_why, "only a link-local address (fe80::) takes an interface");
	in6->sin6_scope_id = find_interface(scope);
	return in6->sin6_scope_id ? 0 : refuse(ret_why, "there is no such network interface");
}

static int parse_in6(char *host, struct sockaddr_in6 *in6, const char **ret_why)
{
	char *scope = strchr(host, '%');

	if (scope)
		*scope++ = '\0';
	if (inet_pton(AF_INET6, host, &in6->sin6_addr) != 1)
		return refuse(ret_why, "there is no IPv6 address between the brackets");
	if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
		return refuse(ret_why, "write the IPv4 address itself, as in 127.0.0.1:7/tcp");
	return parse_scope(scope, in6, ret_why);
}

static int parse_in4(const char *host, struct sockaddr_in *in4, const char **ret_why)
{
	if (inet_pton(AF_INET, host, &in4->sin_addr) == 1)
		return 0;
	if (strcmp(host, "*") == 0)
		return refuse(ret_why, "leave out the *, a port alone means every address");
	if (host[strspn(host, "0123456789.")] == '\0')
		return refuse(ret_why,
			      "an IPv4 address is four numbers up to 255 without leading zeros");
	return refuse(ret_why, "names are not looked up, write an address");
}

/* Writes the addresses, ports 0.  Returns how many, or -1. */
static int parse_host(const struct pieces *p, union addr out[ADDR_LISTEN_MAX], const char **ret_why)
{
	out[0] = any4;
	out[1] = any6;
	if (!p->host)
		return 2;
	if (p->in_brackets) {
		out[0] = any6;
		return parse_in6(p->host, &out[0].in6, ret_why) == 0 ? 1 : -1;
	}
	if (strcasecmp(p->host, "localhost") != 0)
		return parse_in4(p->host, &out[0].in4, ret_why) == 0 ? 1 : -1;
	out[0].in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	out[1].in6.sin6_addr = in6addr_loopback;
	return 2;
}

static void set_port(union addr *addr, in_port_t port)
{
	if (addr->sa.sa_family == AF_INET)
		addr->in4.sin_port = port;
	else
		addr->in6.sin6_port = port;
}

static const char *format_in6(const struct sockaddr_in6 *in6, char text[ADDR_TEXT_SIZE])
{
	char host[INET6_ADDRSTRLEN], scope[16] = "";

	(void)inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host)); /* always fits */
	/* A number: the name would take a socket, which a sandboxed thread must not open. */
	if (in6->sin6_scope_id != 0)
		(void)snprintf(scope, sizeof(scope), "%%%u", in6->sin6_scope_id);
	/* Eight groups are 39 characters; the longer mixed form only exists with leading zeros. */
	(void)snprintf(text, ADDR_TEXT_SIZE, "[%.39s%s]:%u", host, scope, ntohs(in6->sin6_port));
	return text;
}

static const char *format_in4(const struct sockaddr_in *in4, char text[ADDR_TEXT_SIZE])
{
	char host[INET_ADDRSTRLEN];

	(void)inet_ntop(AF_INET, &in4->sin_addr, host, sizeof(host)); /* always fits */
	(void)snprintf(text, ADDR_TEXT_SIZE, "%s:%u", host, ntohs(in4->sin_port));
	return text;
}

socklen_t addr_len(const union addr *addr)
{
	switch (addr->sa.sa_family) {
	case AF_INET: return sizeof(addr->in4);
	case AF_INET6: return sizeof(addr->in6);
	default: return 0;
	}
}

uint16_t addr_port(const union addr *addr)
{
	switch (addr->sa.sa_family) {
	case AF_INET: return ntohs(addr->in4.sin_port);
	case AF_INET6: return ntohs(addr->in6.sin6_port);
	default: return 0;
	}
}

const char *addr_format(const union addr *addr, char text[ADDR_TEXT_SIZE])
{
	switch (addr->sa.sa_family) {
	case AF_INET: return format_in4(&addr->in4, text);
	case AF_INET6: return format_in6(&addr->in6, text);
	default: return strcpy(text, "-");
	}
}

bool addr_equal(const union addr *a, const union addr *b)
{
	return addr_same_host(a, b) && addr_port(a) == addr_port(b);
}

bool addr_same_host(const union addr *a, const union addr *b)
{
	if (a->sa.sa_family != b->sa.sa_family)
		return false;
	switch (a->sa.sa_family) {
	case AF_INET: return a->in4.sin_addr.s_addr == b->in4.sin_addr.s_addr;
	case AF_INET6:
		return IN6_ARE_ADDR_EQUAL(&a->in6.sin6_addr, &b->in6.sin6_addr) &&
		       a->in6.sin6_scope_id == b->in6.sin6_scope_id;
	default: return true;
	}
}

union addr addr_source(const union addr *addr)
{
	union addr source;

	memset(&source, 0, sizeof(source));
	source.sa.sa_family = addr->sa.sa_family;
	if (addr->sa.sa_family == AF_INET)
		source.in4.sin_addr = addr->in4.sin_addr;
	else if (addr->sa.sa_family == AF_INET6)
		memcpy(&source.in6.sin6_addr, &addr->in6.sin6_addr, 8); /* [bytes] 64 bits */
	return source;
}

bool addr_is_wildcard(const union addr *addr)
{
	switch (addr->sa.sa_family) {
	case AF_INET: return addr->in4.sin_addr.s_addr == htonl(INADDR_ANY);
	case AF_INET6: return IN6_IS_ADDR_UNSPECIFIED(&addr->in6.sin6_addr);
	default: return false;
	}
}

bool addr_is_loopback(const union addr *addr)
{
	switch (addr->sa.sa_family) {
	case AF_INET: return ntohl(addr->in4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	case AF_INET6: return IN6_IS_ADDR_LOOPBACK(&addr->in6.sin6_addr);
	default: return false;
	}
}

bool addr_is_multicast(const union addr *addr)
{
	switch (addr->sa.sa_family) {
	case AF_INET: return IN_MULTICAST(ntohl(addr->in4.sin_addr.s_addr));
	case AF_INET6: return IN6_IS_ADDR_MULTICAST(&addr->in6.sin6_addr);
	default: return false;
	}
}

int addr_parse_listen(const char *word, struct endpoint out[ADDR_LISTEN_MAX], const char **ret_why)
{
	union addr addrs[ADDR_LISTEN_MAX];
	struct pieces pieces;
	enum addr_protocol protocol;
	in_port_t port;
	int count;

	if (cut_pieces(word, &pieces, ret_why) != 0 ||
	    parse_protocol(pieces.protocol, &protocol, ret_why) != 0 ||
	    parse_port(&pieces, protocol, &port, ret_why) != 0)
		return -1;
	count = parse_host(&pieces, addrs, ret_why);
	for (int i = 0; i < count; i++) {
		set_port(&addrs[i], port);
		out[i] = (struct endpoint){.protocol = protocol, .addr = addrs[i]};
	}
	return count;
}

const char *endpoint_format(const struct endpoint *endpoint, char text[ENDPOINT_TEXT_SIZE])
{
	(void)addr_format(&endpoint->addr, text);
	(void)snprintf(text + strlen(text), 5, "/%s", protocol_words[endpoint->protocol]);
	return text;
}
