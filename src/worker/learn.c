/* SPDX-License-Identifier: MIT */
/*
 * learn - the filter that asks, the thread that answers, and what it has seen.
 *
 * A call is remembered as the set of promises to choose from for it, so all that handlers ever did
 * is a small set of such sets.  The learner allocates nothing and takes no lock: fork(3)
 * waits for its answer while it holds those of malloc.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <seccomp.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <syslog.h>

#include "common/promise.h"
#include "common/syscall.h"
#include "worker/filter.h"
#include "worker/learn.h"
#include "worker/libcprobe.h"
#include "worker/report.h"
#include "worker/service.h"

#define NUMBERS_MAX 1024 /* no architecture of ours has as many calls */
#define SETS	    2048 /* of the promises below, 1 << 11 */
#define WORD_BITS   64
#define TEXT_SIZE   256

/*
 * What to recommend: the lightest that suffice.  dns and exec bring what other promises do, and
 * more, so they are heavier than those together.
 */
#define BUNDLES (PROMISE_DNS | PROMISE_EXEC)
static const struct {
	uint32_t bit;
	unsigned int weight;
} promises[] = {
	{PROMISE_INET, 1},    {PROMISE_DNS, 10},  {PROMISE_RPATH, 1},
	{PROMISE_WPATH, 1},   {PROMISE_CPATH, 1}, {PROMISE_UNIX, 1},
	{PROMISE_THREADS, 1}, {PROMISE_PROC, 1},  {PROMISE_EXEC, 100},
};

static const char *names[NUMBERS_MAX]; /* NULL: unknown */
static struct sock_fprog filter;

static struct {
	_Atomic uint64_t sets[SETS / WORD_BITS];	  /* which sets of promises were met */
	_Atomic uint64_t others[NUMBERS_MAX / WORD_BITS]; /* calls that none allows */
	_Atomic bool is_news;				  /* not yet told */
} seen = {.is_news = true};

/* The learner waits for the descriptor that the filter gives its installer. */
static struct {
	sem_t ready;
	int listener;
} learner;

static void mark(_Atomic uint64_t *bits, size_t i)
{
	uint64_t bit = UINT64_C(1) << (i % WORD_BITS);

	if ((atomic_fetch_or(&bits[i / WORD_BITS], bit) & bit) == 0)
		atomic_store(&seen.is_news, true);
}

static bool is_marked(_Atomic uint64_t *bits, size_t i)
{
	return (atomic_load(&bits[i / WORD_BITS]) >> (i % WORD_BITS)) & 1;
}

/* These promises and no more, of those in the table, by the bits of choice. */
static uint32_t chosen(uint32_t choice, unsigned int *ret_weight)
{
	uint32_t bits = 0;

	*ret_weight = 0;
	for (size_t i = 0; i < ARRAY_SIZE(promises); i++) {
		if ((choice >> i) & 1) {
			bits |= promises[i].bit;
			*ret_weight += promises[i].weight;
		}
	}
	return bits;
}

static bool is_enough(uint32_t bits)
{
	for (uint32_t set = 1; set < SETS; set++)
		if (is_marked(seen.sets, set) && (set & bits) == 0)
			return false;
	return true;
}

/* The lightest promises that allow all that was seen; there are few enough to try them all. */
static uint32_t cheapest(void)
{
	unsigned int least = UINT32_MAX;
	uint32_t best = 0;

	for (uint32_t choice = 0; choice < 1U << ARRAY_SIZE(promises); choice++) {
		unsigned int weight;
		uint32_t bits = chosen(choice, &weight);

		if (weight < least && is_enough(bits)) {
			least = weight;
			best = bits;
		}
	}
	return best;
}

/* What the kernel would deny, or fail with EPERM, it asks about instead. */
static void ask_instead(struct sock_fprog *program)
{
	for (size_t i = 0; i < program->len; i++) {
		struct sock_filter *code = &program->filter[i];

		if (code->code == (BPF_RET | BPF_K) &&
		    ((code->k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_TRAP ||
		     code->k == (SECCOMP_RET_ERRNO | EPERM)))
			code->k = SECCOMP_RET_USER_NOTIF;
	}
}

static void learn_names(void)
{
	for (int i = 0; i < NUMBERS_MAX; i++)
		names[i] = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, i);
}

/* Answers calls until the process ends.  Structures of the kernel may be larger than ours. */
static void answer(int listener, struct seccomp_notif *call, size_t call_size,
		   struct seccomp_notif_resp *reply, size_t reply_size)
{
	for (;;) {
		memset(call, 0, call_size);
		memset(reply, 0, reply_size);
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, call) == -1) {
			if (errno != EINTR && errno != ENOENT) /* ENOENT: the caller is gone */
				return;
			continue;
		}
		learn_note(call->data.nr, (const uint64_t *)call->data.args);
		reply->id = call->id;
		reply->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		(void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, reply); /* likewise */
	}
}

static void *learner_thread(void *argument)
{
	const struct seccomp_notif_sizes *sizes = argument;
	size_t call_size = sizes->seccomp_notif, reply_size = sizes->seccomp_notif_resp;
	CLEANUP_FREE struct seccomp_notif *call = calloc(1, call_size + sizeof(*call));
	CLEANUP_FREE struct seccomp_notif_resp *reply = calloc(1, reply_size + sizeof(*reply));

	(void)prctl(PR_SET_NAME, "learner"); /* only for ps(1) */
	while (sem_wait(&learner.ready) == -1)
		; /* EINTR */
	if (call != NULL && reply != NULL && learner.listener != -1)
		answer(learner.listener, call, call_size, reply, reply_size);
	return NULL;
}

/* With all signals blocked: they are for threads that know what to do with them. */
static int create_learner(void)
{
	static struct seccomp_notif_sizes sizes;
	sigset_t all, before;
	pthread_t thread;

	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) == -1 ||
	    sem_init(&learner.ready, 0, 0) == -1)
		return -1;
	(void)sigfillset(&all); /* these three cannot fail with such arguments */
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	errno = pthread_create(&thread, NULL, learner_thread, &sizes);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (errno != 0)
		return -1;
	(void)pthread_detach(thread); /* just created: cannot fail */
	return 0;
}

static void append(char *text, size_t size, size_t *used, const char *before, const char *word)
{
	int n = snprintf(text + *used, size - *used, "%s%s", before, word);

	*used += n > 0 ? (size_t)n : 0;
	if (*used >= size)
		*used = size - 1;
}

static void append_promises(char *text, size_t size, size_t *used)
{
	uint32_t bits = cheapest();

	append(text, size, used, "", "this handler used: sandbox =");
	if (bits == 0)
		append(text, size, used, " ", promise_word(PROMISE_STDIO));
	for (size_t i = 0; i < ARRAY_SIZE(promises); i++)
		if (bits & promises[i].bit)
			append(text, size, used, " ", promise_word(promises[i].bit));
}

static void append_others(char *text, size_t size, size_t *used)
{
	const char *before = "; no promise allows ";
	char number[SYSCALL_NAME_SIZE];

	for (int i = 0; i < NUMBERS_MAX; i++) {
		if (!is_marked(seen.others, (size_t)i))
			continue;
		(void)snprintf(number, sizeof(number), "system call %d", i); /* it fits */
		append(text, size, used, before, names[i] != NULL ? names[i] : number);
		before = ", ";
	}
}

/* The promise that the log would name, or a bundle that has the call as well. */
static uint32_t choices(const char *name, const uint64_t args[6])
{
	const char *hint = promise_hint(name, args);

	return (hint != NULL ? promise_parse(hint) : 0) | (promise_allowing(name, args) & BUNDLES);
}

bool learn_is_on(void)
{
	const struct settings *settings = service.settings;

	return settings->on_violation == VIOLATION_LEARN && !settings->unsandboxed &&
	       (settings->mode == MODE_SERVE || settings->mode == MODE_STDIO);
}

int learn_prepare(void)
{
	learn_names();
	libcprobe_init();
	if (filter_build(0, PROMISE_STDIO | PROMISE_POOL, &filter) == -1)
		return -1;
	ask_instead(&filter);
	return 0;
}

int learn_enter(void)
{
	long listener;

	learner.listener = -1;
	if (create_learner() == -1)
		return -1;
	/* glibc has no wrapper. */
	listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			   &filter);
	learner.listener = (int)listener;
	(void)sem_post(&learner.ready); /* once: no overflow.  After a failure the thread ends. */
	return listener == -1 ? -1 : 0;
}

void learn_note(int number, const uint64_t args[6])
{
	uint32_t set;

	if (number < 0 || number >= NUMBERS_MAX || libcprobe_is(number, args))
		return;
	set = names[number] != NULL ? choices(names[number], args) : 0;
	if (set == 0)
		mark(seen.others, (size_t)number);
	else
		mark(seen.sets, set % SETS);
}

size_t learn_format(char *text, size_t size)
{
	size_t used = 0;

	if (!atomic_exchange(&seen.is_news, false))
		return 0;
	append_promises(text, size, &used);
	append_others(text, size, &used);
	return used;
}

void learn_tell(void)
{
	char text[TEXT_SIZE];

	if (learn_format(text, sizeof(text)) > 0)
		report_log(LOG_WARNING, "learn: %s", text);
}
