/* SPDX-License-Identifier: MIT */
/* addr - socket addresses: parse `listen` values, print, compare, classify. */
#ifndef COMMON_ADDR_H
#define COMMON_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/util.h"

/* An IPv4 or IPv6 address with its port; family AF_UNSPEC (all zero) is "none". */
union addr {
	struct sockaddr sa;
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
};

#define ADDR_TEXT_SIZE 64 /* holds "[full IPv6%scope]:port" and its NUL */

enum addr_protocol { ADDR_TCP, ADDR_UDP };

/* One socket to open. */
struct endpoint {
	enum addr_protocol protocol;
	union addr addr;
};

#define ENDPOINT_TEXT_SIZE (ADDR_TEXT_SIZE + 4)

/* Bytes of the address that bind(2), connect(2) and sendto(2) want; 0 for none. */
socklen_t addr_len(const union addr *addr);

/* Port in host order, 0 for none. */
uint16_t addr_port(const union addr *addr);

/*
 * Writes "192.0.2.7:4711", "[2001:db8::1]:4711" or, with the number of an interface,
 * "[fe80::1%2]:4711"; "-" for none.  Makes no system call.  Returns text.
 */
const char *addr_format(const union addr *addr, char text[ADDR_TEXT_SIZE]);

/* Same family, address and port (and scope for IPv6). */
bool addr_equal(const union addr *a, const union addr *b);

/* Same family and address (and scope for IPv6), whatever the ports. */
bool addr_same_host(const union addr *a, const union addr *b);

/*
 * What a penalty is for: the host without port and scope, of IPv6 the first 64 bits, of which a
 * client can take any address.
 */
union addr addr_source(const union addr *addr);

bool addr_is_wildcard(const union addr *addr);
bool addr_is_loopback(const union addr *addr);

/* 224/4, ff00::/8. */
bool addr_is_multicast(const union addr *addr);

/*
 * Parses one word of `listen`: 7007/tcp, echo/udp, 127.0.0.1:7/tcp, [::1]:7/udp,
 * localhost:7/tcp, [fe80::1%eth0]:7/tcp.  A bare port gives 0.0.0.0 and [::], localhost both
 * loopbacks, so up to 2 endpoints are written.  Returns how many, or -1 with errno EINVAL and
 * *ret_why a sentence part for the user ("port 0 is not allowed").  No DNS look-up;
 * a service name is looked up in /etc/services.
 */
#define ADDR_LISTEN_MAX 2
int addr_parse_listen(const char *word, struct endpoint out[ADDR_LISTEN_MAX],
		      const char **ret_why) UTIL_CHECKED;

/* Writes "0.0.0.0:7007/tcp"; parses back through addr_parse_listen().  Returns text. */
const char *endpoint_format(const struct endpoint *endpoint, char text[ENDPOINT_TEXT_SIZE]);

#endif
