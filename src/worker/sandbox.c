/* SPDX-License-Identifier: MIT */
/*
 * sandbox - which filter goes onto which thread.
 *
 *	whole process   guard + base        base: promises, stdio, POOL, CORE
 *	nursery         guard + base + connection
 *	its threads     inherit all three   connection: promises, stdio, POOL
 *
 * With concurrency = process base has FORKER too, and what is forked puts it off again:
 *
 *	a connection    guard + base + child        child: promises, stdio
 *	the datagrams   guard + base + receiver     receiver: promises, stdio, POOL, CORE
 *	its threads     all of these + connection
 *
 * The kernel takes the strictest answer of a stack of filters, so base allows all that the
 * connection filter does, and the filter that no longer allows seccomp(2) comes last.  With
 * on_violation = learn there is the guard, and on the nursery the filter of learn.c.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <nss.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "common/promise.h"
#include "common/settings.h"
#include "worker/filter.h"
#include "worker/learn.h"
#include "worker/sandbox.h"
#include "worker/sigsys.h"

/*
 * An arena takes 64 to 128 MiB of addresses: with the 8 per processor that glibc would make, 256
 * threads had 979 MB, with 4 they have 211 MB.  Handlers keep their state on the stack and
 * seldom meet in malloc.  A fixed number also spares glibc counting processors in /sys.
 */
#define ARENAS 4

#define WARM_BLOCKS 64
#define WARM_SIZE   (64 * 1024) /* [bytes] below M_MMAP_THRESHOLD, so from an arena */

static struct sock_fprog base, guard;
/* Templates: they go onto this process, or onto one that it forks. */
static struct sock_fprog connection, child, receiver;
static bool is_guarded, is_warm;

/* All of an arena freed makes glibc shrink it, for which it looks up vm.overcommit_memory once. */
static void warm_malloc(void)
{
	void *volatile blocks[WARM_BLOCKS]; /* volatile: the compiler must not drop the pairs */

	for (size_t i = 0; i < WARM_BLOCKS; i++)
		blocks[i] = malloc(WARM_SIZE);
	for (size_t i = WARM_BLOCKS; i > 0; i--)
		free(blocks[i - 1]);
}

/* The first pthread_exit(3) of a process loads libgcc_s. */
static void *warm_thread(void *unused)
{
	warm_malloc();
	pthread_exit(unused);
}

/* The first thread of a process also makes pthread_create(3) set up its signals. */
static int warm_threads(void)
{
	pthread_t thread;
	int error;

	error = pthread_create(&thread, NULL, warm_thread, NULL);
	if (error == 0)
		error = pthread_join(thread, NULL);
	errno = error;
	return error == 0 ? 0 : -1;
}

/* Without TZ, localtime(3) and mktime(3) look at /etc/localtime at every call. */
static int warm_time(void)
{
	time_t now = time(NULL);
	struct tm parts;

	if (setenv("TZ", ":/etc/localtime", 0) == -1)
		return -1;
	tzset();
	return localtime_r(&now, &parts) == NULL ? -1 : 0;
}

/*
 * Other sources of names are shared objects that nobody could load behind the filter; these are in
 * libc itself.
 */
static int warm_names(void)
{
	if (__nss_configure_lookup("hosts", "files dns") == -1)
		return -1;
	return __nss_configure_lookup("services", "files");
}

static int check_kernel(void)
{
	uint32_t action = SECCOMP_RET_KILL_PROCESS;

	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0)
		return 0;
	errno = ENOSYS; /* whatever a kernel without filters says */
	return -1;
}

static int build_filters(uint32_t promises)
{
	uint32_t stdio = (promises & ~(uint32_t)PROMISE_FORKER) | PROMISE_STDIO;
	uint32_t threads = stdio | PROMISE_POOL;

	if (filter_build(0, promises | threads | PROMISE_CORE, &base) == -1 ||
	    filter_build_template(threads, &connection) == -1)
		return -1;
	if ((promises & PROMISE_FORKER) == 0)
		return 0;
	if (filter_build_template(threads | PROMISE_CORE, &receiver) == -1)
		return -1;
	return filter_build_template(stdio, &child);
}

int sandbox_warm_up(uint32_t promises)
{
	if (is_warm)
		return 0;
	(void)mallopt(M_ARENA_MAX, ARENAS); /* fails with another malloc, which has no arenas */
	if ((promises & PROMISE_DNS) && warm_names() == -1)
		return -1;
	if (warm_time() == -1 || warm_threads() == -1)
		return -1;
	is_warm = true;
	return 0;
}

int sandbox_prepare(uint32_t promises, uint32_t listeners)
{
	if (check_kernel() == -1 || sandbox_warm_up(promises) == -1)
		return -1;
	/* A program may have any file at a listener's number; the master arms listeners again. */
	is_guarded = listeners > 0 && (promises & PROMISE_EXEC) == 0;
	if (is_guarded && filter_build_guard(0, WORKER_FD_LISTENERS, listeners, &guard) == -1)
		return -1;
	if ((learn_is_on() ? learn_prepare() : build_filters(promises)) == -1)
		return -1;
	sandbox_unblock(); /* whoever started this process may have blocked it */
	return sigsys_install();
}

int sandbox_enter(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return -1;
	/* The guard first: base allows seccomp(2) without TSYNC only. */
	if (is_guarded && filter_install(&guard, SECCOMP_FILTER_FLAG_TSYNC) == -1)
		return -1;
	return learn_is_on() ? 0 : filter_install(&base, SECCOMP_FILTER_FLAG_TSYNC);
}

int sandbox_enter_thread(void)
{
	if (learn_is_on())
		return learn_enter();
	filter_set_pid(&connection, getpid());
	return filter_install(&connection, 0);
}

int sandbox_enter_child(bool makes_threads)
{
	struct sock_fprog *filter = makes_threads ? &receiver : &child;

	filter_set_pid(filter, getpid());
	return filter_install(filter, 0);
}

void sandbox_unblock(void)
{
	sigset_t set;

	(void)sigemptyset(&set); /* none of the three can fail with these arguments */
	(void)sigaddset(&set, SIGSYS);
	(void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

void sandbox_leave(const struct cservd_conn *conn)
{
	if (learn_is_on())
		learn_tell();
	sigsys_report_repeats(conn);
}
