/* SPDX-License-Identifier: MIT */
/* clash - finds addresses of a configuration that cannot be bound together. */
#include <stdbool.h>
#include <string.h>

#include "master/clash.h"

struct claim {
	const struct config_service *service;
	const struct endpoint *endpoint;
	struct place where;
	size_t number; /* in the order of the file */
};

/* Endpoints that can clash have the same key. */
static int compare_keys(const struct endpoint *a, const struct endpoint *b)
{
	if (a->protocol != b->protocol)
		return a->protocol < b->protocol ? -1 : 1;
	if (a->addr.sa.sa_family != b->addr.sa.sa_family)
		return a->addr.sa.sa_family < b->addr.sa.sa_family ? -1 : 1;
	return (int)addr_port(&a->addr) - (int)addr_port(&b->addr);
}

static int compare_hosts(const union addr *a, const union addr *b)
{
	if (addr_is_wildcard(a) != addr_is_wildcard(b))
		return addr_is_wildcard(a) ? -1 : 1;
	if (a->sa.sa_family == AF_INET)
		return memcmp(&a->in4.sin_addr, &b->in4.sin_addr, sizeof(a->in4.sin_addr));
	if (a->in6.sin6_scope_id != b->in6.sin6_scope_id)
		return a->in6.sin6_scope_id < b->in6.sin6_scope_id ? -1 : 1;
	return memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, sizeof(a->in6.sin6_addr));
}

/* Puts endpoints that can clash next to each other, wildcards first, equals in file order. */
static int compare_claims(const void *left, const void *right)
{
	const struct claim *a = left, *b = right;
	int order = compare_keys(a->endpoint, b->endpoint);

	if (order == 0)
		order = compare_hosts(&a->endpoint->addr, &b->endpoint->addr);
	if (order == 0)
		order = a->number < b->number ? -1 : 1;
	return order;
}

static void refuse(const struct claim *a, const struct claim *b, struct config_errors *errors)
{
	const struct claim *first = a->number < b->number ? a : b;
	const struct claim *second = first == a ? b : a;
	char one[ENDPOINT_TEXT_SIZE], two[ENDPOINT_TEXT_SIZE];

	(void)endpoint_format(first->endpoint, one);
	(void)endpoint_format(second->endpoint, two);
	if (second->where.line == 0)
		config_errors_add(errors, second->where, "\"%s\" clashes with \"%s\" of \"%s\"",
				  two, one, first->where.file);
	else
		config_errors_add(errors, second->where,
				  "listen \"%s\" clashes with \"%s\" of [%s] at %s:%u", two, one,
				  first->service->name, first->where.file, first->where.line);
}

/* claims are sorted: a wildcard, if there is one, is the first of those with its key. */
static void check_sorted(const struct claim *claims, size_t count, struct config_errors *errors)
{
	const struct claim *first = claims;

	for (const struct claim *claim = claims + 1; claim < claims + count; claim++) {
		if (compare_keys(first->endpoint, claim->endpoint) != 0)
			first = claim;
		else if (addr_is_wildcard(&first->endpoint->addr))
			refuse(first, claim, errors);
		else if (addr_equal(&claim[-1].endpoint->addr, &claim->endpoint->addr))
			refuse(&claim[-1], claim, errors);
	}
}

static size_t collect(const struct config *config, struct claim *claims)
{
	size_t count = 0;

	for (size_t i = 0; i < config->count; i++) {
		const struct config_service *service = &config->services[i];

		for (size_t j = 0; service->enabled && j < service->listeners; j++, count++)
			if (claims)
				claims[count] = (struct claim){service, &service->listen[j],
							       service->listen_where[j], count};
	}
	return count;
}

int clash_check(const struct config *config, struct config_errors *errors)
{
	CLEANUP_FREE struct claim *claims = NULL;
	size_t count = collect(config, NULL);

	if (count < 2)
		return 0;
	claims = calloc(count, sizeof(*claims));
	if (!claims)
		return -1;
	(void)collect(config, claims); /* as many as before */
	qsort(claims, count, sizeof(*claims), compare_claims);
	check_sorted(claims, count, errors);
	return 0;
}
