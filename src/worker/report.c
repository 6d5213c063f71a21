/* SPDX-License-Identifier: MIT */
/*
 * report - a bounded ring of messages: many threads push, the keeper pops and writes.
 *
 * Each cell carries a sequence number that says whose turn it is: `position` when a pusher may
 * fill it, `position + 1` when the keeper may take it.  So nobody waits for a lock, and a full
 * ring is noticed without one.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/settings.h"
#include "worker/conn.h"
#include "worker/lost.h"
#include "worker/report.h"
#include "worker/service.h"

#define RING_CELLS 1024u /* a power of two */

struct cell {
	_Atomic uint64_t sequence;
	struct message message;
};

static struct {
	struct cell *cells;
	_Atomic uint64_t tail; /* next position to push */
	uint64_t head;	       /* next position to pop; keeper only */
	_Atomic uint64_t lost;
	_Atomic bool keeper_runs;
	_Atomic bool asleep; /* the keeper wants the bell */
	int bell;
	struct message batch[MESSAGE_BATCH]; /* popped, not yet written; keeper only */
	size_t batched;
} ring = {.bell = -1};

int report_init(void)
{
	ring.cells = mmap(NULL, RING_CELLS * sizeof(struct cell), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (ring.cells == MAP_FAILED)
		return -1;
	for (uint64_t i = 0; i < RING_CELLS; i++)
		atomic_init(&ring.cells[i].sequence, i);
	ring.bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return ring.bell == -1 ? -1 : 0;
}

void report_keeper_runs(void)
{
	atomic_store(&ring.keeper_runs, true);
}

void report_enter_child(void)
{
	atomic_store(&ring.keeper_runs, false);
	ring.bell = -1;
}

int report_bell(void)
{
	return ring.bell;
}

void report_prepare(struct message *message, enum message_type type)
{
	memset(message, 0, sizeof(*message));
	message->type = (uint16_t)type;
	message->thread = (int32_t)syscall(SYS_gettid);
	if (conn_current != NULL)
		message->peer = conn_current->peer;
}

static void count_lost(uint64_t count)
{
	atomic_fetch_add_explicit(&ring.lost, count, memory_order_relaxed);
	if (service.board != NULL)
		atomic_fetch_add_explicit(&service.board->counters.messages_lost, count,
					  memory_order_relaxed);
}

int report_now(const struct message *message)
{
	if (write(WORKER_FD_MESSAGES, message, sizeof(*message)) == sizeof(*message))
		return 0;
	count_lost(1);
	return -1;
}

/* A cell to fill at *ret_position, or NULL if the ring is full. */
static struct cell *claim_cell(uint64_t *ret_position)
{
	uint64_t position = atomic_load_explicit(&ring.tail, memory_order_relaxed);

	for (;;) {
		struct cell *cell = &ring.cells[position % RING_CELLS];
		uint64_t sequence = atomic_load_explicit(&cell->sequence, memory_order_acquire);

		if (sequence < position)
			return NULL;
		if (sequence > position) {
			position = atomic_load_explicit(&ring.tail, memory_order_relaxed);
		} else if (atomic_compare_exchange_weak_explicit(&ring.tail, &position,
								 position + 1, memory_order_relaxed,
								 memory_order_relaxed)) {
			*ret_position = position;
			return cell;
		}
	}
}

void report_ring(void)
{
	uint64_t one = 1;

	if (write(ring.bell, &one, sizeof(one)) == -1)
		return; /* EAGAIN: it rings already */
}

void report_push(const struct message *message)
{
	uint64_t position;
	struct cell *cell;

	if (!atomic_load_explicit(&ring.keeper_runs, memory_order_relaxed)) {
		(void)report_now(message); /* a loss is counted there */
		return;
	}
	cell = claim_cell(&position);
	if (cell == NULL) {
		count_lost(1);
		return;
	}
	cell->message = *message;
	atomic_store_explicit(&cell->sequence, position + 1, memory_order_seq_cst);
	if (atomic_load(&ring.asleep) && atomic_exchange(&ring.asleep, false))
		report_ring();
}

static bool pop(struct message *ret)
{
	struct cell *cell = &ring.cells[ring.head % RING_CELLS];

	if (atomic_load(&cell->sequence) != ring.head + 1)
		return false;
	*ret = cell->message;
	atomic_store_explicit(&cell->sequence, ring.head + RING_CELLS, memory_order_release);
	ring.head++;
	return true;
}

static void fill_batch(void)
{
	while (ring.batched < MESSAGE_BATCH && pop(&ring.batch[ring.batched]))
		ring.batched++;
	if (ring.batched < MESSAGE_BATCH && atomic_load(&ring.lost) > 0) {
		struct message *message = &ring.batch[ring.batched++];

		report_prepare(message, MESSAGE_LOST);
		message->number = (int32_t)atomic_exchange(&ring.lost, 0);
	}
}

int report_flush(void)
{
	uint64_t rings;
	int sent = 0;

	if (read(ring.bell, &rings, sizeof(rings)) == -1 && errno != EAGAIN)
		return 0; /* an eventfd has no other error */
	for (;;) {
		size_t size;

		fill_batch();
		if (ring.batched == 0)
			return sent;
		size = ring.batched * sizeof(struct message);
		if (write(WORKER_FD_MESSAGES, ring.batch, size) == -1) {
			lost_check(WORKER_FD_MESSAGES, errno);
			return 1;
		}
		sent = 1;
		ring.batched = 0;
	}
}

int report_sleep(void)
{
	struct cell *cell = &ring.cells[ring.head % RING_CELLS];

	atomic_store(&ring.asleep, true);
	if (ring.batched == 0 && atomic_load(&cell->sequence) != ring.head + 1)
		return 1;
	atomic_store(&ring.asleep, false);
	return 0;
}

UTIL_PRINTF(4, 0)
static void report_text(enum message_type type, int priority, bool at_once, const char *fmt,
			va_list args)
{
	struct message message;
	int saved = errno;

	report_prepare(&message, type);
	message.priority = (uint8_t)priority;
	message.error = saved;
	errno = saved;							/* for %m */
	(void)vsnprintf(message.text, sizeof(message.text), fmt, args); /* cut is fine */
	if (at_once)
		(void)report_now(&message); /* as above */
	else
		report_push(&message);
	errno = saved;
}

void report_state(enum message_type type, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	report_text(type, LOG_ERR, true, fmt, args);
	va_end(args);
}

void report_log(int priority, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	cservd_vlog(priority, fmt, args);
	va_end(args);
}

CSERVD_EXPORT void cservd_vlog(int priority, const char *fmt, va_list args)
{
	if (priority < LOG_ERR)
		priority = LOG_ERR;
	if (service.settings != NULL && (uint32_t)priority > service.settings->log_level)
		return;
	report_text(MESSAGE_LOG, priority, false, fmt, args);
}

CSERVD_EXPORT void cservd_log(int priority, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	cservd_vlog(priority, fmt, args);
	va_end(args);
}
