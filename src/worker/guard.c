/* SPDX-License-Identifier: MIT */
/* guard - which datagrams are never answered. */
#include <arpa/inet.h>
#include <string.h>

#include "common/settings.h"
#include "common/util.h"
#include "worker/guard.h"

/* SSDP, NFS, WS-Discovery, mDNS and memcached answer whoever seems to ask, and are known
 * reflectors (US-CERT TA14-017A). */
static const uint16_t denied_ports[] = {1900, 2049, 3702, 5353, 11211};

/* 127.255.255.255: routed as a broadcast, though the loopback interface does not say so. */
#define LOOPBACK_BROADCAST 0x7fffffffu

static bool has_port(const uint64_t *bits, uint16_t port)
{
	return (bits[port / 64] >> (port % 64)) & 1;
}

static uint32_t bounded(uint32_t count, uint32_t size)
{
	return count < size ? count : size;
}

static void index_ports(struct guard *guard)
{
	uint32_t count = bounded(guard->world.listeners, WORLD_LISTENERS);

	memset(guard->listener_ports, 0, sizeof(guard->listener_ports));
	for (uint32_t i = 0; i < count; i++) {
		uint16_t port = addr_port(&guard->world.listener[i]);

		guard->listener_ports[port / 64] |= UINT64_C(1) << (port % 64);
	}
}

/* A sequence lock: what was copied between two equal, even generations is of one piece. */
static void copy_world(struct guard *guard)
{
	uint32_t before, after;

	do {
		before = atomic_load_explicit(&guard->source->generation, memory_order_acquire);
		memcpy(&guard->world, guard->source, sizeof(guard->world));
		atomic_thread_fence(memory_order_acquire);
		after = atomic_load_explicit(&guard->source->generation, memory_order_relaxed);
	} while (before != after || before % 2 != 0);
	guard->generation = before;
	index_ports(guard);
}

void guard_init(struct guard *guard, const struct world *source)
{
	guard->source = source;
	copy_world(guard);
}

void guard_refresh(struct guard *guard)
{
	if (atomic_load_explicit(&guard->source->generation, memory_order_acquire) !=
	    guard->generation)
		copy_world(guard);
}

static bool is_denied_port(uint16_t port)
{
	if (port < GUARD_MIN_PORT)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(denied_ports); i++) {
		if (denied_ports[i] == port)
			return true;
	}
	return false;
}

/* Broadcast of this machine's networks or of all, "this network" (0/8), 255/8, unspecified, or an
 * IPv4-mapped address, which no IPv6 socket of ours should see. */
static bool is_broadcast(const struct guard *guard, const union addr *addr)
{
	uint32_t count = bounded(guard->world.broadcasts, WORLD_BROADCASTS);
	uint32_t first;

	if (addr->sa.sa_family == AF_INET6)
		return IN6_IS_ADDR_UNSPECIFIED(&addr->in6.sin6_addr) ||
		       IN6_IS_ADDR_V4MAPPED(&addr->in6.sin6_addr);
	first = ntohl(addr->in4.sin_addr.s_addr) >> 24;
	if (first == 0 || first == 255 || ntohl(addr->in4.sin_addr.s_addr) == LOOPBACK_BROADCAST)
		return true;
	for (uint32_t i = 0; i < count; i++) {
		if (guard->world.broadcast[i].s_addr == addr->in4.sin_addr.s_addr)
			return true;
	}
	return false;
}

static bool is_local(const struct guard *guard, const union addr *addr)
{
	uint32_t count = bounded(guard->world.locals, WORLD_LOCALS);

	if (addr_is_loopback(addr))
		return true;
	for (uint32_t i = 0; i < count; i++) {
		if (addr_same_host(&guard->world.local[i], addr))
			return true;
	}
	return false;
}

/* Would a reply reach a UDP listener of our own? */
static bool is_own_listener(const struct guard *guard, const union addr *peer)
{
	uint32_t count = bounded(guard->world.listeners, WORLD_LISTENERS);
	uint16_t port = addr_port(peer);

	if (!has_port(guard->listener_ports, port))
		return false;
	for (uint32_t i = 0; i < count; i++) {
		const union addr *listener = &guard->world.listener[i];

		if (listener->sa.sa_family != peer->sa.sa_family || addr_port(listener) != port)
			continue;
		if (addr_is_wildcard(listener) ? is_local(guard, peer)
					       : addr_same_host(listener, peer))
			return true;
	}
	return false;
}

int guard_check(const struct guard *guard, const union addr *peer, const union addr *dest)
{
	if (is_denied_port(addr_port(peer)))
		return DROP_PORT;
	if (addr_is_multicast(peer) || addr_is_multicast(dest))
		return DROP_MULTICAST;
	if (is_broadcast(guard, peer) || is_broadcast(guard, dest))
		return DROP_BROADCAST;
	if (is_own_listener(guard, peer))
		return DROP_LOOP;
	return -1;
}

uint64_t guard_budget(uint64_t size, uint64_t amplify)
{
	uint64_t budget;

	if (amplify == SETTINGS_UNLIMITED || __builtin_mul_overflow(size, amplify, &budget))
		return UINT64_MAX;
	return budget < GUARD_FREE_REPLY ? GUARD_FREE_REPLY : budget;
}
