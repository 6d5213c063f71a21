/* SPDX-License-Identifier: MIT */
/*
 * sigsys - the signal handler behind the filters; all it calls is async-signal-safe.
 *
 *	thread: openat --> filter: trap --> kernel: SIGSYS --> handle_sigsys()
 *	        returns EPERM <---------------------------------'  |  |
 *	master <------------- MESSAGE_DENIED, MESSAGE_REPLACE -----'  |
 *	the thread's connection <--------------------- conn_cut() ----'
 */
#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/ucontext.h>
#include <syslog.h>

#include "common/promise.h"
#include "worker/conn.h"
#include "worker/libcprobe.h"
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
static uint32_t native_arch; /* AUDIT_ARCH_* */

static _Atomic bool tainted;		      /* the master was asked for a successor */
static _Thread_local uint32_t own_violations; /* of a thread without a connection */

/* One denied call. */
struct denial {
	const siginfo_t *info;
	uint64_t args[6];
	struct cservd_conn *conn; /* whose handler made it, or NULL */
	int error;		  /* that it fails with */
};

static bool is_in(const bool table[NUMBERS_MAX], int number)
{
	return number >= 0 && number < NUMBERS_MAX && table[number];
}

static void fill_tables(void)
{
	native_arch = seccomp_arch_native();
	for (int i = 0; i < NUMBERS_MAX; i++) {
		CLEANUP_FREE char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, i);

		known[i] = name != NULL;
		fatal[i] = name != NULL && promise_is_fatal(name);
	}
}

/*
 * Counts the call for its connection.  True at its first time.  The table is full only where many
 * calls were too new to be violations; the rest of those is on the board alone.
 */
static bool is_news(struct cservd_conn *conn, int number)
{
	for (size_t i = 0; conn != NULL && i < CONN_DENIALS; i++) {
		struct conn_denial *entry = &conn->denial[i];

		if (entry->count > 0 && entry->number != number)
			continue;
		entry->number = number;
		return entry->count++ == 0;
	}
	return conn == NULL;
}

/* What this call costs; counts it as a violation. */
static enum message_cost judge(const struct denial *denial)
{
	int mode = service.settings->on_violation;
	uint32_t *violations = denial->conn != NULL ? &denial->conn->violations : &own_violations;

	if (is_in(fatal, denial->info->si_syscall))
		return COST_WORKER;
	if (denial->error == ENOSYS || mode == VIOLATION_LEARN)
		return COST_CALL;
	if (mode == VIOLATION_KILL || ++*violations >= SIGSYS_VIOLATIONS_MAX)
		return COST_WORKER;
	if (mode != VIOLATION_HANGUP || denial->conn == NULL)
		return COST_CALL;
	return denial->conn->fd == -1 ? COST_REPLY : COST_CONNECTION;
}

static void report(const struct denial *denial, enum message_cost cost)
{
	struct message message;

	report_prepare(&message, MESSAGE_DENIED);
	message.priority = LOG_WARNING;
	message.error = denial->error;
	message.end = (uint8_t)cost;
	message.number = denial->info->si_syscall;
	message.arch = denial->info->si_arch;
	message.address = (uint64_t)(uintptr_t)denial->info->si_call_addr;
	memcpy(message.args, denial->args, sizeof(message.args));
	(void)report_now(&message); /* a loss is counted there */
}

/* The process may be an attacker's from now on.  If the pipe is full, the next call asks again. */
static void taint(void)
{
	struct message message;

	if (service.settings->mode != MODE_SERVE || atomic_exchange(&tainted, true))
		return;
	report_prepare(&message, MESSAGE_REPLACE);
	message.number = REPLACE_TAINTED;
	if (report_now(&message) == -1)
		atomic_store(&tainted, false);
}

static void prepare_repeat(struct message *message, const struct cservd_conn *conn,
			   const struct conn_denial *entry)
{
	report_prepare(message, MESSAGE_REPEATED);
	message->peer = conn->peer;
	message->number = entry->number;
	message->arch = native_arch;
	message->in = entry->count - 1;
}

/* The last words of a connection whose worker ends now. */
static void report_repeats_now(const struct cservd_conn *conn)
{
	struct message message;

	for (size_t i = 0; conn != NULL && i < CONN_DENIALS; i++) {
		if (conn->denial[i].count < 2)
			continue;
		prepare_repeat(&message, conn, &conn->denial[i]);
		(void)report_now(&message); /* a loss is counted there */
	}
}

static void punish(const struct denial *denial)
{
	enum message_cost cost = judge(denial);

	if (cost == COST_WORKER) {
		report_repeats_now(denial->conn);
		report(denial, cost);
		/* Not _exit(2): AddressSanitizer opens a file before it. */
		(void)syscall(SYS_exit_group, SIGSYS_EXIT_STATUS); /* does not return */
	}
	if (is_news(denial->conn, denial->info->si_syscall))
		report(denial, cost);
	if (denial->error == EPERM && service.settings->on_violation == VIOLATION_HANGUP)
		taint();
	if (cost != COST_CALL)
		conn_cut(denial->conn, CUT_DENIED);
}

/* The registers are signed on one machine, unsigned on the other. */
static void set_error(ucontext_t *context, int error)
{
	REGISTER(context, RESULT_REGISTER) = (__typeof__(REGISTER(context, 0)))-error;
}

static void handle_sigsys(int signal, siginfo_t *info, void *pointer)
{
	ucontext_t *context = pointer;
	int saved = errno;
	struct denial denial = {.info = info, .conn = conn_current, .error = EPERM};

	(void)signal; /* installed for one only */
	if (info->si_code != SYS_SECCOMP)
		return; /* somebody sent it with kill(2) */
	if (service.board != NULL)
		atomic_fetch_add_explicit(&service.board->counters.denied, 1, memory_order_relaxed);
	if (!is_in(known, info->si_syscall))
		denial.error = ENOSYS;
	for (size_t i = 0; i < ARRAY_SIZE(argument_registers); i++)
		denial.args[i] = (uint64_t)REGISTER(context, argument_registers[i]);
	if (!libcprobe_is(info->si_syscall, denial.args))
		punish(&denial);
	set_error(context, denial.error);
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

	fill_tables();
	libcprobe_init();
	(void)sigfillset(&action.sa_mask); /* cannot fail */
	return sigaction(SIGSYS, &action, NULL);
}

void sigsys_report_repeats(const struct cservd_conn *conn)
{
	struct message message;

	for (size_t i = 0; i < CONN_DENIALS; i++) {
		if (conn->denial[i].count < 2)
			continue;
		prepare_repeat(&message, conn, &conn->denial[i]);
		report_push(&message);
	}
}
