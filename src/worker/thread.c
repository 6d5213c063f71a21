/* SPDX-License-Identifier: MIT */
/* thread - the pool of connection threads, and the nursery that creates them. */
#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "worker/connect.h"
#include "worker/keeper.h"
#include "worker/report.h"
#include "worker/sandbox.h"
#include "worker/service.h"
#include "worker/tcp.h"
#include "worker/thread.h"

static struct {
	struct thread_slot *slots;
	uint32_t size;	       /* slots in all: max_connections */
	_Atomic uint32_t used; /* slots that were ever taken, and so are initialised */
	pthread_mutex_t lock;  /* guards free_slots; no other lock is taken under it */
	struct thread_slot *free_slots;
	sem_t work;			/* the nursery waits here */
	_Atomic uint32_t threads;	/* alive */
	_Atomic uint32_t waiting;	/* among them: in tcp_accept() */
	_Atomic uint32_t least_waiting; /* since the last thread_tend() */
	_Atomic uint32_t surplus;	/* how many waiting threads should leave */
	_Atomic bool accepting;
	_Atomic bool stopping;
	_Atomic bool create_failed; /* said once until a thread could be created again */
	pthread_attr_t attributes;
	/* One request at a time for thread_create_other() and the start of the nursery. */
	void *(*other)(void *);
	void *other_argument;
	sem_t answered;
	int answer; /* errno or 0 */
} pool;

static void name_thread(const char *name)
{
	(void)prctl(PR_SET_NAME, name); /* only for ps(1) */
}

/* The next slot that was never taken, or NULL.  Slots are touched as late as here: there may be a
 * million.  Under the lock. */
static struct thread_slot *begin_slot(void)
{
	uint32_t index = atomic_load(&pool.used);
	struct thread_slot *slot = &pool.slots[index];

	if (index == pool.size)
		return NULL;
	slot->flight = &service.board->flight[index];
	slot->conn.fd = -1;
	errno = pthread_mutex_init(&slot->lock, NULL);
	if (errno != 0)
		return NULL;
	atomic_store(&pool.used, index + 1);
	return slot;
}

static struct thread_slot *take_slot(void)
{
	struct thread_slot *slot;

	(void)pthread_mutex_lock(&pool.lock); /* a valid mutex: cannot fail, here and below */
	slot = pool.free_slots;
	if (slot != NULL)
		pool.free_slots = slot->next_free;
	else
		slot = begin_slot();
	(void)pthread_mutex_unlock(&pool.lock);
	return slot;
}

static void give_slot(struct thread_slot *slot)
{
	atomic_store(&slot->flight->state, FLIGHT_FREE);
	(void)pthread_mutex_lock(&pool.lock);
	slot->next_free = pool.free_slots;
	pool.free_slots = slot;
	(void)pthread_mutex_unlock(&pool.lock);
}

/*
 * Whether the calling thread, which is counted as waiting, should leave; if so it is no longer
 * counted.  So whoever accepts meanwhile sees how many really wait, and never fewer than
 * THREAD_SPARES stay.
 */
static bool leave(void)
{
	uint32_t surplus = atomic_load(&pool.surplus);
	uint32_t waiting = atomic_load(&pool.waiting);

	if (atomic_load(&pool.stopping)) {
		atomic_fetch_sub(&pool.waiting, 1);
		return true;
	}
	do {
		if (surplus == 0)
			return false;
	} while (!atomic_compare_exchange_weak(&pool.surplus, &surplus, surplus - 1));
	while (waiting > THREAD_SPARES) {
		if (atomic_compare_exchange_weak(&pool.waiting, &waiting, waiting - 1))
			return true;
	}
	return false;
}

static void note_waiting(uint32_t waiting)
{
	uint32_t least = atomic_load_explicit(&pool.least_waiting, memory_order_relaxed);

	while (waiting < least &&
	       !atomic_compare_exchange_weak(&pool.least_waiting, &least, waiting))
		;
}

/* Asks for another thread in time. */
static void ask_for_spares(void)
{
	if (atomic_load(&pool.waiting) < THREAD_SPARES && atomic_load(&pool.threads) < pool.size)
		(void)sem_post(&pool.work); /* EOVERFLOW: the nursery has enough to do */
}

static void stop_waiting(void)
{
	note_waiting(atomic_fetch_sub(&pool.waiting, 1) - 1);
	ask_for_spares();
}

/* A connected socket, or -1 when this thread leaves and is not counted as waiting any more. */
static int wait_for_client(union addr *ret_peer)
{
	while (!leave()) {
		int fd = tcp_accept(ret_peer);

		if (fd != -1)
			return fd;
	}
	return -1;
}

static void *connection_thread(void *argument)
{
	struct thread_slot *slot = argument;
	union addr peer;

	name_thread("connection");
	atomic_store(&slot->flight->thread, (int32_t)syscall(SYS_gettid));
	for (;;) {
		int fd;

		atomic_store(&slot->flight->state, FLIGHT_WAITING);
		fd = wait_for_client(&peer);
		if (fd == -1)
			break;
		stop_waiting();
		tcp_serve(slot, fd, &peer);
		atomic_fetch_add(&pool.waiting, 1);
	}
	give_slot(slot);
	atomic_fetch_sub(&pool.threads, 1);
	ask_for_spares(); /* while this thread was counted, there may have been no room for one */
	keeper_wake();
	return NULL;
}

/* Creates one connection thread.  0, or an errno. */
static int create_one(void)
{
	struct thread_slot *slot = take_slot();
	pthread_t thread;
	int error;

	if (slot == NULL)
		return ENOSPC;
	atomic_fetch_add(&pool.threads, 1);
	atomic_fetch_add(&pool.waiting, 1);
	error = pthread_create(&thread, &pool.attributes, connection_thread, slot);
	if (error == 0) {
		atomic_store(&pool.create_failed, false);
		return 0;
	}
	atomic_fetch_sub(&pool.threads, 1);
	atomic_fetch_sub(&pool.waiting, 1);
	give_slot(slot);
	if (!atomic_exchange(&pool.create_failed, true)) {
		errno = error;
		report_log(LOG_WARNING, "no more threads than %u: %m; further clients wait",
			   atomic_load(&pool.threads));
		keeper_wake(); /* it makes us try again */
	}
	return error;
}

static void create_spares(void)
{
	bool grown = false;

	while (atomic_load(&pool.accepting) && !atomic_load(&pool.stopping) &&
	       atomic_load(&pool.waiting) < THREAD_SPARES && create_one() == 0)
		grown = true;
	if (grown && atomic_load(&pool.threads) > THREAD_SPARES)
		keeper_wake(); /* it looks for a surplus from now on */
}

static void answer(int error)
{
	pool.answer = error;
	(void)sem_post(&pool.answered); /* counts to one at most */
}

static void create_other(void)
{
	pthread_t thread;
	void *(*body)(void *) = pool.other;

	pool.other = NULL;
	answer(pthread_create(&thread, &pool.attributes, body, pool.other_argument));
}

static void *nursery_thread(void *argument)
{
	(void)argument; /* pthread_create(3) wants this signature */
	name_thread("nursery");
	if (!service.settings->unsandboxed && sandbox_enter_thread() == -1) {
		answer(errno);
		return NULL;
	}
	answer(0);
	for (;;) {
		while (sem_wait(&pool.work) == -1)
			; /* EINTR */
		if (pool.other != NULL)
			create_other();
		create_spares();
	}
	return NULL;
}

static int ask_nursery(void)
{
	while (sem_wait(&pool.answered) == -1)
		; /* EINTR */
	errno = pool.answer;
	return pool.answer == 0 ? 0 : -1;
}

static int make_slots(void)
{
	/* With processes the pool is only for what has no slot. */
	if (service.settings->concurrency == CONCURRENCY_THREAD)
		pool.size = (uint32_t)service.settings->max_connections;
	pool.slots = calloc(pool.size, sizeof(*pool.slots));
	return pool.slots == NULL ? -1 : 0;
}

static void ignore_signal(int number)
{
	(void)number; /* its arrival alone ends a blocking call */
}

int thread_init(void)
{
	struct sigaction action = {.sa_handler = ignore_signal};

	if (sem_init(&pool.work, 0, 0) == -1 || sem_init(&pool.answered, 0, 0) == -1 ||
	    sigaction(THREAD_SIGNAL, &action, NULL) == -1)
		return -1;
	errno = pthread_mutex_init(&pool.lock, NULL);
	if (errno == 0)
		errno = pthread_attr_init(&pool.attributes);
	if (errno == 0)
		errno = pthread_attr_setdetachstate(&pool.attributes, PTHREAD_CREATE_DETACHED);
	if (errno == 0)
		errno = pthread_attr_setstacksize(&pool.attributes,
						  (size_t)service.settings->stack_size);
	atomic_store(&pool.least_waiting, UINT32_MAX);
	return errno == 0 ? make_slots() : -1;
}

int thread_start(void)
{
	pthread_t nursery;

	errno = pthread_create(&nursery, &pool.attributes, nursery_thread, NULL);
	return errno == 0 ? ask_nursery() : -1;
}

int thread_create_other(void *(*body)(void *), void *argument)
{
	pool.other_argument = argument;
	pool.other = body;
	(void)sem_post(&pool.work); /* far from overflow: only asked at the start */
	return ask_nursery();
}

void thread_accept(void)
{
	atomic_store(&pool.accepting, true);
	(void)sem_post(&pool.work); /* as above */
}

void thread_stop_accepting(void)
{
	atomic_store(&pool.stopping, true);
}

bool thread_is_stopping(void)
{
	return atomic_load(&pool.stopping);
}

void thread_interrupt(void)
{
	for (uint32_t i = 0; i < atomic_load(&pool.used); i++) {
		struct thread_slot *slot = &pool.slots[i];

		if (atomic_load(&slot->flight->state) != FLIGHT_WAITING)
			continue;
		/* tgkill by the number the thread noted: pthread_kill() on a detached thread
		 * that has just ended would touch freed memory. */
		(void)syscall(SYS_tgkill, getpid(), atomic_load(&slot->flight->thread),
			      THREAD_SIGNAL);
	}
}

uint32_t thread_count(void)
{
	return atomic_load(&pool.threads);
}

bool thread_tend(void)
{
	uint32_t waiting = atomic_load(&pool.waiting);
	uint32_t least = atomic_exchange(&pool.least_waiting, waiting);

	ask_for_spares(); /* again, where creating them failed */
	if (least > waiting)
		least = waiting;
	if (least <= THREAD_SPARES) {
		atomic_store(&pool.surplus, 0);
		return atomic_load(&pool.threads) > THREAD_SPARES ||
		       atomic_load(&pool.create_failed);
	}
	atomic_store(&pool.surplus, least - THREAD_SPARES);
	thread_interrupt();
	return true;
}

bool thread_is_hung(int64_t now_ms, int64_t ms)
{
	for (uint32_t i = 0; i < atomic_load(&pool.used); i++) {
		const struct thread_slot *slot = &pool.slots[i];
		int64_t cut_ms;

		if (atomic_load(&slot->flight->state) != FLIGHT_OPEN)
			continue;
		cut_ms = atomic_load(&slot->conn.cut_ms);
		if (cut_ms != 0 && atomic_load(&slot->conn.cut) == CUT_DURATION &&
		    now_ms - cut_ms >= ms)
			return true;
	}
	return false;
}

void thread_cut_all(enum conn_cut reason, int64_t age_ms)
{
	int64_t now = util_now_ms();

	for (uint32_t i = 0; i < atomic_load(&pool.used); i++) {
		struct thread_slot *slot = &pool.slots[i];

		if (atomic_load(&slot->flight->state) != FLIGHT_OPEN)
			continue;
		(void)pthread_mutex_lock(&slot->lock);
		if (slot->conn.fd != -1 && now - slot->flight->since_ms >= age_ms) {
			conn_cut(&slot->conn, reason);
			connect_cut(&slot->conn);
		}
		(void)pthread_mutex_unlock(&slot->lock);
	}
}
