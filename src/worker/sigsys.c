/* SPDX-License-Identifier: MIT */
/*
 * sigsys - the signal handler behind the filters; all it calls is async-signal-safe.
 *
 *	thread: openat --> filter: trap --> kernel: SIGSYS --> handle_sigsys()
 *	        returns EPERM <---------------------------------'  |  |
 *	master <--------------------------- MESSAGE_DENIED --------'  |
 *	the thread's connection <--------------------- conn_cut() ----'
 */
#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <sys/ucontext.h>
#include <syslog.h>

#include "common/promise.h"
#include "worker/conn.h"
#include "worker/report.h"
#include "worker/service.h"
#include "worker/sigsys.h"

#ifndef SYS_SECCOMP
#define SYS_SECCOMP 1 /* si_code of a trap, sigaction(2); missing in glibc's <signal.h> */
#endif

#define NUMBERS_MAX 1024 /* no architecture of ours is near that */

/* Where the kernel takes the arguments of a system call from and puts its result. */
#if defined(__x86_64__)
static const int argument_registers[6] = {REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9};
#define RESULT_REGISTER	     REG_RAX
#define REGISTER(context, n) ((context)->uc_mcontext.gregs[n])
#elif defined(__aarch64__)
static const int argument_registers[6] = {0, 1, 2, 3, 4, 5};
#define RESULT_REGISTER	     0
#define REGISTER(context, n) ((context)->uc_mcontext.regs[n])
#else
#error "which registers hold the arguments of a system call here?"
#endif

/* Filled before the handler is installed: names cannot be looked up in a signal handler. */
static bool known[NUMBERS_MAX], fatal[NUMBERS_MAX];

static bool is_in(const bool table[NUMBERS_MAX], int number)
{
	return number >= 0 && number < NUMBERS_MAX && table[number];
}

static void learn_numbers(void)
{
	for (int i = 0; i < NUMBERS_MAX; i++) {
		CLEANUP_FREE char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, i);

		known[i] = name != NULL;
		fatal[i] = name != NULL && promise_is_fatal(name);
	}
}

/* Whether this connection was not yet told about this call. */
static bool is_news(struct cservd_conn *conn, int number)
{
	if (conn == NULL)
		return true;
	if (conn->denied == number + 1)
		return false;
	conn->denied = number + 1;
	return true;
}

static void report(const siginfo_t *info, const ucontext_t *context, int error,
		   enum message_end end)
{
	struct message message;

	report_prepare(&message, MESSAGE_DENIED);
	message.priority = LOG_WARNING;
	message.error = error;
	message.end = (uint8_t)end;
	message.number = info->si_syscall;
	message.arch = info->si_arch;
	message.address = (uint64_t)(uintptr_t)info->si_call_addr;
	for (size_t i = 0; i < ARRAY_SIZE(argument_registers); i++)
		message.args[i] = (uint64_t)REGISTER(context, argument_registers[i]);
	report_now(&message);
}

/* The registers are signed on one machine, unsigned on the other. */
static void set_error(ucontext_t *context, int error)
{
	REGISTER(context, RESULT_REGISTER) = (__typeof__(REGISTER(context, 0)))-error;
}

static void handle_sigsys(int signal, siginfo_t *info, void *pointer)
{
	ucontext_t *context = pointer;
	struct cservd_conn *conn = conn_current;
	int saved = errno, number = info->si_syscall;
	int error = is_in(known, number) ? EPERM : ENOSYS;
	bool is_cut = conn != NULL && error == EPERM;
	bool is_stream = conn != NULL && conn->fd != -1;

	(void)signal; /* installed for one only */
	if (info->si_code != SYS_SECCOMP)
		return; /* somebody sent it with kill(2) */
	if (service.board != NULL)
		atomic_fetch_add_explicit(&service.board->counters.denied, 1, memory_order_relaxed);
	if (is_news(conn, number))
		report(info, context, error, is_cut && is_stream ? END_DENIED : END_CLIENT);
	if (is_in(fatal, number)) /* not _exit(2): AddressSanitizer opens a file before it */
		(void)syscall(SYS_exit_group, SIGSYS_EXIT_STATUS); /* does not return */
	set_error(context, error);
	if (is_cut)
		conn_cut(conn, CUT_DENIED);
	errno = saved;
}

int sigsys_install(void)
{
	/*
	 * SIGSYS stays blocked within: a denied call in the handler kills, instead of trapping
	 * until the stack is full.  All other signals wait, for the handler may run on a small
	 * stack.
	 */
	struct sigaction action = {.sa_sigaction = handle_sigsys,
				   .sa_flags = SA_SIGINFO | SA_ONSTACK};

	learn_numbers();
	(void)sigfillset(&action.sa_mask); /* cannot fail */
	return sigaction(SIGSYS, &action, NULL);
}
