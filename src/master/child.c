/* SPDX-License-Identifier: MIT */
/* child - one process running cservd-worker: its descriptors, what it says, its end. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include "common/log.h"
#include "common/promise.h"
#include "master/child.h"
#include "master/handover.h"
#include "master/spawn.h"
#include "master/world.h"

#define MESSAGES_A_TURN 64	      /* so that one worker cannot keep the master to itself */
#define PIPE_SIZE	(1024 * 1024) /* [bytes] room for a burst of messages */
#define SPARE_FILES	256	      /* of a worker, beyond two for each connection */
#define WRITING		(PROMISE_WPATH | PROMISE_CPATH | PROMISE_EXEC)
#define KILL_DELAY_MS	2000 /* [ms] after the drain should have ended */
#define HOW_SIZE	96

static int log_level = LOG_INFO;
static size_t alive;
static void (*on_none)(void);

/* The descriptors made for one start; those of the child's side are closed afterwards. */
struct kit {
	int theirs[WORKER_FD_LISTENERS]; /* by enum worker_fd */
	bool borrowed[WORKER_FD_LISTENERS];
};

static void stop_listening(struct child *child)
{
	if (child->messages.fd < 0)
		return;
	loop_remove(&child->messages);
	util_close(child->messages.fd);
	child->messages.fd = -1;
}

static void take_message(struct child *child, const struct message *message)
{
	switch (message->type) {
	case MESSAGE_READY:
		if (child->state == CHILD_LOADING) {
			child->state = CHILD_READY;
			child->ready_ms = util_now_ms();
			loop_clear_timer(&child->deadline);
			child->events->said(child, message);
		}
		break;
	case MESSAGE_WRONG:
	case MESSAGE_FAILED:
		if (child->state != CHILD_LOADING)
			break; /* forged: it has been ready */
		child->has_verdict = true;
		child->events->said(child, message);
		break;
	case MESSAGE_REPLACE:
		if (child->mode == MODE_SERVE && !child->has_asked) {
			child->has_asked = true;
			child->events->said(child, message);
		}
		break;
	case MESSAGE_STOPPED: child->has_stopped = true; break;
	case MESSAGE_ALIVE:
		child->pinged_ms = 0;
		if (child->mode == MODE_SERVE)
			child->events->said(child, message);
		break;
	default: collect_log(&child->collect, message);
	}
}

/* Reads up to MESSAGES_A_TURN.  1 if there may be more, 0 at the end or when it must wait. */
static int read_messages(struct child *child)
{
	static char buffer[MESSAGES_A_TURN * MESSAGE_SIZE];
	ssize_t size = read(child->messages.fd, buffer, sizeof(buffer));

	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (size <= 0) {
		stop_listening(child);
		return 0;
	}
	for (size_t at = 0; at < (size_t)size; at += MESSAGE_SIZE) {
		size_t left = (size_t)size - at;
		struct message message;

		if (message_check(buffer + at, left < MESSAGE_SIZE ? left : MESSAGE_SIZE,
				  &message) < 0) {
			log_warning("%s: worker %d sends nonsense: killed", child->service->name,
				    (int)child->pid);
			stop_listening(child);
			child_kill(child);
			return 0;
		}
		take_message(child, &message);
	}
	return 1;
}

/* All that the pipe can hold, not more: somebody may still write. */
static void read_all_messages(struct child *child)
{
	for (int turn = 0; turn <= PIPE_SIZE / (MESSAGES_A_TURN * MESSAGE_SIZE); turn++) {
		if (child->messages.fd < 0 || read_messages(child) == 0)
			break;
	}
}

static void on_messages(struct loop_watch *watch, uint32_t events)
{
	(void)events;
	(void)read_messages(LOOP_OWNER(watch, struct child, messages)); /* the loop asks again */
}

static void on_deadline(struct loop_timer *timer)
{
	struct child *child = LOOP_OWNER(timer, struct child, deadline);

	log_warning("%s: worker %d did not %s in time: killed", child->service->name,
		    (int)child->pid, child->state == CHILD_LOADING ? "start" : "end");
	child_kill(child);
}

static void destroy(struct child *child)
{
	collect_finish(&child->collect);
	loop_clear_timer(&child->deadline);
	stop_listening(child);
	if (child->end.fd >= 0)
		loop_remove(&child->end);
	util_close(child->end.fd);
	util_close(child->commands);
	util_close(child->targets);
	util_close(child->requests);
	if (child->board != NULL)
		(void)munmap((void *)(uintptr_t)child->board, /* mapped with this size */
			     board_size(child->service->max_connections));
	config_release(child->service);
	free(child);
}

static void describe_end(struct child *child, const siginfo_t *info, char how[HOW_SIZE])
{
	child->status = info->si_code == CLD_EXITED ? info->si_status : -1;
	child->signal = info->si_code == CLD_EXITED ? 0 : info->si_status;
	if (child->status >= 0)
		(void)snprintf(how, HOW_SIZE, "exited with status %d", child->status); /* fits */
	else
		(void)snprintf(how, HOW_SIZE, "died: %s", strsignal(info->si_status)); /* or cut */
}

static void on_end(struct loop_watch *watch, uint32_t events)
{
	struct child *child = LOOP_OWNER(watch, struct child, end);
	siginfo_t info = {0};
	char how[HOW_SIZE];

	(void)events;
	if (waitid(P_PIDFD, (id_t)watch->fd, &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0)
		return;
	read_all_messages(child);
	collect_finish(&child->collect);
	describe_end(child, &info, how);
	child->events->ended(child, how);
	destroy(child);
	if (--alive == 0 && on_none != NULL)
		on_none();
}

/* A pair for the commands or the connector: ours never waits. */
static int make_pair(int *ret_ours, int *ret_theirs, int flags)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	*ret_ours = pair[0];
	*ret_theirs = pair[1];
	return fcntl(pair[0], F_SETFL, flags);
}

static int make_pipe(int *ret_ours, int *ret_theirs)
{
	int pipe[2];

	if (pipe2(pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	(void)fcntl(pipe[0], F_SETPIPE_SZ, PIPE_SIZE); /* the usual size does as well */
	*ret_ours = pipe[0];
	*ret_theirs = pipe[1];
	return 0;
}

static void lend(struct kit *kit, enum worker_fd number, int fd)
{
	kit->theirs[number] = fd;
	kit->borrowed[number] = true;
}

/* What only a worker that serves needs.  Of the pair with the connector, the connector's end
 * waits with us until there is one. */
static int fill_serving_kit(struct child *child, struct kit *kit)
{
	lend(kit, WORKER_FD_WORLD, world_fd());
	kit->theirs[WORKER_FD_BOARD] =
		handover_board(child->service->max_connections, &child->board);
	if (kit->theirs[WORKER_FD_BOARD] < 0)
		return -1;
	child->targets = handover_targets();
	if (child->targets < 0)
		return -1;
	lend(kit, WORKER_FD_TARGETS, child->targets);
	return make_pair(&child->requests, &kit->theirs[WORKER_FD_CONNECTOR], 0);
}

static int fill_kit(struct child *child, const struct child_plan *plan, struct kit *kit)
{
	/* Without sockets it is told what the configuration wants, which is all that a check needs.
	 */
	const struct handover handover = {
		.mode = plan->mode,
		.log_level = log_level,
		.listeners = plan->listeners != NULL ? plan->listeners->count
						     : (uint32_t)plan->service->listeners,
		.tcp_listeners = plan->listeners != NULL ? plan->listeners->tcp
							 : listener_count_tcp(plan->service),
	};

	kit->theirs[WORKER_FD_SETTINGS] = handover_settings(plan->service, &handover);
	if (kit->theirs[WORKER_FD_SETTINGS] < 0 ||
	    make_pair(&child->commands, &kit->theirs[WORKER_FD_COMMANDS], O_NONBLOCK) < 0 ||
	    make_pipe(&child->messages.fd, &kit->theirs[WORKER_FD_MESSAGES]) < 0)
		return -1;
	lend(kit, WORKER_FD_PLUGIN, plan->plugin);
	if (plan->mode == MODE_SERVE)
		return fill_serving_kit(child, kit);
	lend(kit, WORKER_FD_TARGETS, plan->targets);
	lend(kit, WORKER_FD_CONNECTOR, plan->requests);
	return 0;
}

static void empty_kit(struct kit *kit)
{
	for (size_t i = 0; i < ARRAY_SIZE(kit->theirs); i++) {
		if (!kit->borrowed[i])
			util_close(kit->theirs[i]);
	}
}

static int launch(struct child *child, const struct child_plan *plan, const struct kit *kit)
{
	struct spawn spawn = {
		.name = plan->service->name,
		.uid = plan->service->uid,
		.gid = plan->service->gid,
		.listeners = plan->listeners != NULL ? plan->listeners->fd : NULL,
		.listener_count = plan->listeners != NULL ? plan->listeners->count : 0,
		.max_files = 2 * plan->service->max_connections + SPARE_FILES,
		.max_memory =
			plan->mode == MODE_SERVE ? plan->service->max_memory : SETTINGS_UNLIMITED,
		.stacks = plan->service->max_connections * plan->service->stack_size,
		.writes_files =
			plan->service->unsandboxed || (plan->service->promises & WRITING) != 0,
		.keeps_terminal = plan->mode == MODE_INFO || plan->mode == MODE_STDIO ||
				  plan->mode == MODE_SANDBOX,
	};

	memcpy(spawn.fd, kit->theirs, sizeof(spawn.fd));
	child->pid = spawn_worker(&spawn, &child->end.fd);
	if (child->pid < 0)
		return -1;
	child->collect.pid = child->pid;
	return 0;
}

static int watch(struct child *child)
{
	child->end.ready = on_end;
	child->messages.ready = on_messages;
	if (loop_add(&child->messages, EPOLLIN) == 0 && loop_add(&child->end, EPOLLIN) == 0)
		return 0;
	child_kill(child); /* unwatched, and so never reaped: only a lack of memory leads here */
	return -1;
}

static struct child *create(const struct child_plan *plan)
{
	struct child *child = calloc(1, sizeof(*child));

	if (child == NULL)
		return NULL;
	child->events = plan->events;
	child->owner = plan->owner;
	child->service = plan->service;
	config_hold(child->service);
	child->mode = plan->mode;
	child->end.fd = child->messages.fd = -1;
	child->commands = child->targets = child->requests = -1;
	child->deadline.expired = on_deadline;
	collect_init(&child->collect, plan->service);
	return child;
}

static void command(struct child *child, enum command_type type, uint64_t ms)
{
	const struct command command = {.type = type, .ms = ms};

	/* A worker that does not read its few commands is hung, or just died: either shows. */
	(void)!send(child->commands, &command, sizeof(command), MSG_NOSIGNAL);
}

void child_init(int level)
{
	log_level = level;
}

void child_watch_last(void (*none)(void))
{
	on_none = none;
}

bool child_is_any(void)
{
	return alive > 0;
}

struct child *child_start(const struct child_plan *plan)
{
	struct child *child = create(plan);
	struct kit kit = {.borrowed = {false}};
	int result;

	if (child == NULL)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(kit.theirs); i++)
		kit.theirs[i] = -1;
	result = fill_kit(child, plan, &kit);
	if (result == 0)
		result = launch(child, plan, &kit);
	empty_kit(&kit);
	if (result == 0 && watch(child) == 0) {
		alive++;
		if (plan->start_ms > 0)
			loop_set_timer(&child->deadline, plan->start_ms);
		return child;
	}
	result = errno;
	destroy(child);
	errno = result;
	return NULL;
}

void child_go(struct child *child)
{
	command(child, COMMAND_GO, 0);
}

void child_ping(struct child *child)
{
	if (child->pinged_ms == 0)
		child->pinged_ms = util_now_ms();
	command(child, COMMAND_PING, 0);
}

void child_hear(struct child *child)
{
	read_all_messages(child);
}

void child_drain(struct child *child, uint64_t ms)
{
	uint64_t far = INT64_MAX / 2;
	int64_t due_ms = util_now_ms() + (int64_t)(ms < far ? ms + KILL_DELAY_MS : far);

	child->state = CHILD_DRAINING;
	command(child, COMMAND_DRAIN, ms);
	if (ms < far && (!child->deadline.is_set || due_ms < child->deadline.due_ms))
		loop_set_timer(&child->deadline, ms + KILL_DELAY_MS);
}

void child_kill(struct child *child)
{
	child->is_killed = true;
	loop_clear_timer(&child->deadline);
	(void)pidfd_send_signal(child->end.fd, SIGKILL, NULL, 0); /* it may be gone already */
}

int64_t child_lived_ms(const struct child *child)
{
	return child->ready_ms > 0 ? util_now_ms() - child->ready_ms : -1;
}
