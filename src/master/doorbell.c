/* SPDX-License-Identifier: MIT */
/* doorbell - watches the sockets of a service from outside. */
#include "master/doorbell.h"

#include <poll.h>

static void stop_watching(struct doorbell_button *button)
{
	if (button->watch.fd >= 0)
		loop_remove(&button->watch);
	button->watch.fd = -1;
}

static int set_all(struct doorbell *bell, uint32_t events)
{
	for (uint32_t i = 0; i < bell->count; i++) {
		if (bell->button[i].watch.fd >= 0 &&
		    loop_change(&bell->button[i].watch, events) < 0)
			return -1;
	}
	return 0;
}

static bool is_broken(int fd)
{
	struct pollfd now = {.fd = fd};

	return poll(&now, 1, 0) > 0; /* POLLHUP and POLLERR need not be asked for */
}

static void on_event(struct loop_watch *watch, uint32_t events)
{
	struct doorbell_button *button = LOOP_OWNER(watch, struct doorbell_button, watch);
	struct doorbell *bell = button->bell;

	if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
		bell->events->broke(bell);
		if (watch->fd >= 0 && is_broken(watch->fd))
			stop_watching(button); /* it would be told without end */
		return;
	}
	if (set_all(bell, 0) < 0)
		stop_watching(button); /* as above */
	bell->events->rang(bell);
}

int doorbell_hang(struct doorbell *bell, const struct listeners *listeners,
		  const struct doorbell_events *events)
{
	if (bell->count > 0)
		return 0;
	bell->events = events;
	for (uint32_t i = 0; i < listeners->count; i++) {
		struct doorbell_button *button = &bell->button[bell->count++];

		*button = (struct doorbell_button){
			.watch = {.fd = listeners->fd[i], .ready = on_event}, .bell = bell};
		if (loop_add(&button->watch, 0) < 0) {
			button->watch.fd = -1;
			return -1;
		}
	}
	return 0;
}

int doorbell_arm(struct doorbell *bell)
{
	return set_all(bell, EPOLLIN);
}

void doorbell_disarm(struct doorbell *bell)
{
	(void)set_all(bell, 0); /* it rings in vain then, and is disarmed by that */
}

bool doorbell_has_client(const struct doorbell *bell)
{
	for (uint32_t i = 0; i < bell->count; i++) {
		struct pollfd now = {.fd = bell->button[i].watch.fd, .events = POLLIN};

		if (now.fd >= 0 && poll(&now, 1, 0) > 0)
			return true;
	}
	return false;
}

void doorbell_take_down(struct doorbell *bell)
{
	for (uint32_t i = 0; i < bell->count; i++)
		stop_watching(&bell->button[i]);
	bell->count = 0;
}
