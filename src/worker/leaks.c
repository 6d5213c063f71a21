/* SPDX-License-Identifier: MIT */
/*
 * leaks - keeps LeakSanitizer out of workers; only a build with -fsanitize=address asks.
 *
 * At exit(3) it stops and traces all threads, which the sandbox denies; and a worker that drains
 * leaves by _exit(2), where it does not look.
 */
int __lsan_is_turned_off(void);

int __lsan_is_turned_off(void)
{
	return 1;
}
