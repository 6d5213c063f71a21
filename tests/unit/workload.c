/* SPDX-License-Identifier: MIT */
/* workload - memory, text, time, threads and descriptors, as handlers use them. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "workload.h"

#define BLOCKS 512

static void expect(bool holds, const char *what, int line)
{
	if (holds)
		return;
	dprintf(STDERR_FILENO, "workload.c:%d: %s: %m\n", line, what);
	_exit(1);
}

#define EXPECT(condition) expect(condition, #condition, __LINE__)

static void use_memory(void)
{
	static const size_t sizes[] = {24, 4096, 65536, 1 << 20};
	void *blocks[BLOCKS];
	char *big;

	for (size_t i = 0; i < BLOCKS; i++) {
		blocks[i] = malloc(sizes[i % 3]);
		EXPECT(blocks[i] != NULL);
		memset(blocks[i], 1, sizes[i % 3]);
	}
	for (size_t i = BLOCKS; i > 0; i--)
		free(blocks[i - 1]);
	big = malloc(sizes[3]);
	EXPECT(big != NULL);
	for (size_t factor = 2; factor <= 32; factor *= 2) {
		big = realloc(big, factor * sizes[3]);
		EXPECT(big != NULL);
		big[factor * sizes[3] - 1] = 1;
	}
	free(big);
	big = calloc(1000, 1000);
	EXPECT(big != NULL && big[999999] == 0);
	free(big);
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(unsigned int));
}

static void use_text(void)
{
	size_t count = 400000; /* qsort(3) looks at the size of the memory first */
	unsigned int *numbers = calloc(count, sizeof(*numbers));
	char text[256];

	EXPECT(numbers != NULL);
	for (size_t i = 0; i < count; i++)
		numbers[i] = (unsigned int)(i * 2654435761u);
	qsort(numbers, count, sizeof(*numbers), compare);
	free(numbers);
	EXPECT(snprintf(text, sizeof(text), "%f %Lf %'d %m", 1.5, 2.5L, 10000) > 0);
	EXPECT(strtod("1e10", NULL) > 1);
	EXPECT(strerror_r(EPERM, text, sizeof(text)) != NULL);
	EXPECT(getrandom(text, sizeof(text), 0) == sizeof(text));
}

static void use_time(void)
{
	time_t now = time(NULL);
	struct timespec spec;
	struct timeval value;
	struct tm parts;
	char text[64];

	EXPECT(localtime_r(&now, &parts) != NULL);
	EXPECT(mktime(&parts) == now);
	EXPECT(gmtime_r(&now, &parts) != NULL);
	EXPECT(strftime(text, sizeof(text), "%c %Z", &parts) > 0);
	EXPECT(ctime_r(&now, text) != NULL);
	EXPECT(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spec) == 0);
	EXPECT(clock_gettime(CLOCK_REALTIME, &spec) == 0);
	EXPECT(gettimeofday(&value, NULL) == 0);
	EXPECT(usleep(10) == 0);
	EXPECT(nanosleep(&(struct timespec){.tv_nsec = 1000}, NULL) == 0);
}

static void use_locks(void)
{
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
	struct timespec soon;
	sigset_t set;

	EXPECT(clock_gettime(CLOCK_REALTIME, &soon) == 0);
	EXPECT(pthread_mutex_lock(&mutex) == 0);
	EXPECT(pthread_cond_timedwait(&condition, &mutex, &soon) == ETIMEDOUT);
	EXPECT(pthread_mutex_unlock(&mutex) == 0);
	EXPECT(pthread_cond_broadcast(&condition) == 0);
	EXPECT(pthread_setname_np(pthread_self(), "workload") == 0);
	EXPECT(pthread_sigmask(SIG_SETMASK, NULL, &set) == 0);
	EXPECT(pthread_kill(pthread_self(), 0) == 0);
}

static void use_options(int fd)
{
	struct timeval second = {.tv_sec = 1};
	struct linger linger = {0};
	int value = 65536;
	socklen_t len = sizeof(value);

	EXPECT(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second)) == 0);
	EXPECT(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof(second)) == 0);
	EXPECT(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, sizeof(value)) == 0);
	EXPECT(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) == 0);
	EXPECT(getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &len) == 0);
	EXPECT(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL)) == 0);
}

/* Both ends of a pair that was made before the sandbox. */
static void use_sockets(const int pair[2])
{
	struct pollfd in = {.fd = pair[1], .events = POLLIN};
	struct stat status;
	char text[16];

	use_options(pair[0]);
	EXPECT(dprintf(pair[0], "%d%c", 12, '\n') == 3);
	EXPECT(poll(&in, 1, 1000) == 1);
	EXPECT(ppoll(&in, 1, NULL, NULL) == 1);
	EXPECT(recv(pair[1], text, sizeof(text), 0) == 3);
	EXPECT(send(pair[1], text, 3, MSG_NOSIGNAL) == 3);
	EXPECT(read(pair[0], text, sizeof(text)) == 3);
	EXPECT(fstat(pair[0], &status) == 0 && S_ISFIFO(status.st_mode) == 0);
	EXPECT(isatty(pair[0]) == 0 && errno == ENOTTY);
	EXPECT(shutdown(pair[0], SHUT_WR) == 0);
	EXPECT(read(pair[1], text, sizeof(text)) == 0);
}

static void use_descriptors(void)
{
	int bell = eventfd(1, EFD_CLOEXEC), epoll = epoll_create1(EPOLL_CLOEXEC), ends[2];
	struct epoll_event event = {.events = EPOLLIN};
	struct rlimit limit;
	uint64_t count;

	EXPECT(bell != -1 && epoll != -1 && pipe2(ends, O_CLOEXEC) == 0);
	EXPECT(epoll_ctl(epoll, EPOLL_CTL_ADD, bell, &event) == 0);
	EXPECT(epoll_wait(epoll, &event, 1, 1000) == 1);
	EXPECT(read(bell, &count, sizeof(count)) == sizeof(count));
	EXPECT(close(bell) == 0 && close(epoll) == 0 && close(ends[0]) == 0 && close(ends[1]) == 0);
	EXPECT(getrlimit(RLIMIT_NOFILE, &limit) == 0);
}

void workload_run(const int pair[2])
{
	use_memory();
	use_text();
	use_time();
	use_locks();
	use_sockets(pair);
	use_descriptors();
}
