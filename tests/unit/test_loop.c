/* SPDX-License-Identifier: MIT */
/* test_loop - descriptors, timers and signals call back, in order and only when they should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <sys/eventfd.h>

#include "common/util.h"
#include "master/loop.h"

/* What happened, a letter each. */
static char seen[16];
static size_t seen_count;

static void see(char letter)
{
	assert_true(seen_count < sizeof(seen) - 1);
	seen[seen_count++] = letter;
	seen[seen_count] = '\0';
}

static int forget(void **state)
{
	(void)state;
	seen_count = 0;
	seen[0] = '\0';
	return 0;
}

/* A descriptor that is ready from the start. */
struct thing {
	struct loop_watch watch;
	char letter;
	struct thing *victim; /* removed by the callback */
	bool last;
};

static void on_ready(struct loop_watch *watch, uint32_t events)
{
	struct thing *thing = LOOP_OWNER(watch, struct thing, watch);

	assert_true((events & EPOLLIN) != 0);
	see(thing->letter);
	loop_remove(watch);
	if (thing->victim != NULL)
		loop_remove(&thing->victim->watch);
	if (thing->last)
		loop_stop();
}

static void add(struct thing *thing)
{
	thing->watch.fd = eventfd(1, EFD_CLOEXEC);
	thing->watch.ready = on_ready;
	assert_true(thing->watch.fd >= 0);
	assert_int_equal(loop_add(&thing->watch, EPOLLIN), 0);
}

struct alarm {
	struct loop_timer timer;
	char letter;
	bool last;
};

static void on_expired(struct loop_timer *timer)
{
	struct alarm *alarm = LOOP_OWNER(timer, struct alarm, timer);

	see(alarm->letter);
	if (alarm->last)
		loop_stop();
}

static void ready_descriptors_call_back(void **state)
{
	struct thing a = {.letter = 'a'}, b = {.letter = 'b', .last = true};

	(void)state;
	add(&a);
	add(&b);
	assert_int_equal(loop_run(), 0);
	assert_string_equal(seen, "ab");
	util_close(a.watch.fd);
	util_close(b.watch.fd);
}

static void a_callback_may_remove_another_ready_descriptor(void **state)
{
	struct thing b = {.letter = 'b'}, c = {.letter = 'c', .last = true};
	struct thing a = {.letter = 'a', .victim = &b};

	(void)state;
	add(&a);
	add(&b);
	add(&c);
	assert_int_equal(loop_run(), 0);
	assert_string_equal(seen, "ac");
	util_close(a.watch.fd);
	util_close(b.watch.fd);
	util_close(c.watch.fd);
}

static void timers_expire_in_the_order_of_their_time(void **state)
{
	struct alarm a = {.timer.expired = on_expired, .letter = 'a'};
	struct alarm b = {.timer.expired = on_expired, .letter = 'b'};
	struct alarm c = {.timer.expired = on_expired, .letter = 'c', .last = true};
	int64_t start = util_now_ms();

	(void)state;
	loop_set_timer(&c.timer, 20);
	loop_set_timer(&a.timer, 0);
	loop_set_timer(&b.timer, 10);
	assert_int_equal(loop_run(), 0);
	assert_string_equal(seen, "abc");
	assert_true(util_now_ms() - start >= 20);
	assert_false(a.timer.is_set || b.timer.is_set || c.timer.is_set);
}

static void a_timer_moves_when_it_is_set_again(void **state)
{
	struct alarm a = {.timer.expired = on_expired, .letter = 'a', .last = true};
	struct alarm b = {.timer.expired = on_expired, .letter = 'b'};

	(void)state;
	loop_set_timer(&a.timer, 0);
	loop_set_timer(&b.timer, 5);
	loop_set_timer(&a.timer, 10);
	assert_int_equal(loop_run(), 0);
	assert_string_equal(seen, "ba");
}

static void a_cleared_timer_does_not_expire(void **state)
{
	struct alarm a = {.timer.expired = on_expired, .letter = 'a'};
	struct alarm b = {.timer.expired = on_expired, .letter = 'b', .last = true};

	(void)state;
	loop_set_timer(&a.timer, 0);
	loop_set_timer(&b.timer, 1);
	loop_clear_timer(&a.timer);
	loop_clear_timer(&a.timer);
	assert_int_equal(loop_run(), 0);
	assert_string_equal(seen, "b");
}

static void a_timer_may_be_set_for_ever(void **state)
{
	struct alarm a = {.timer.expired = on_expired, .letter = 'a'};
	struct alarm b = {.timer.expired = on_expired, .letter = 'b', .last = true};

	(void)state;
	loop_set_timer(&a.timer, UINT64_MAX);
	loop_set_timer(&b.timer, 0);
	assert_int_equal(loop_run(), 0);
	assert_string_equal(seen, "b");
	loop_clear_timer(&a.timer);
}

static void a_stop_before_the_run_counts(void **state)
{
	struct alarm a = {.timer.expired = on_expired, .letter = 'a', .last = true};

	(void)state;
	loop_set_timer(&a.timer, 0);
	loop_stop();
	assert_int_equal(loop_run(), 0);
	assert_string_equal(seen, "");
	assert_int_equal(loop_run(), 0);
	assert_string_equal(seen, "a");
}

static void on_signal(int number)
{
	see(number == SIGHUP ? 'h' : number == SIGTERM ? 't' : 'u');
	if (number == SIGTERM)
		loop_stop();
}

static void signals_are_given_to_the_loop(void **state)
{
	(void)state;
	assert_int_equal(loop_take_signals(on_signal), 0);
	assert_int_equal(raise(SIGHUP), 0);
	assert_int_equal(raise(SIGUSR1), 0);
	assert_int_equal(raise(SIGUSR2), 0);
	assert_int_equal(raise(SIGTERM), 0);
	assert_int_equal(loop_run(), 0);
	assert_string_equal(seen, "huut");
}

static int set_up(void **state)
{
	(void)state;
	return loop_init();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, forget)
	const struct CMUnitTest tests[] = {
		TEST(ready_descriptors_call_back),
		TEST(a_callback_may_remove_another_ready_descriptor),
		TEST(timers_expire_in_the_order_of_their_time),
		TEST(a_timer_moves_when_it_is_set_again),
		TEST(a_cleared_timer_does_not_expire),
		TEST(a_timer_may_be_set_for_ever),
		TEST(a_stop_before_the_run_counts),
		TEST(signals_are_given_to_the_loop),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
