/* SPDX-License-Identifier: MIT */
/*
 * liar - writes what it should not into every descriptor it finds, as a hijacked handler would:
 * junk, or records of the right size with any type; or scribbles over what it shares.
 */
#include <cservd/plugin.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_FDS   16	/* those that a worker was born with are among them */
#define RECORD_SIZE 512 /* [bytes] of a message from worker to master */
#define LAST_TYPE   7	/* of those that the master takes */

static int is_fifo(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

static void write_to_pipes(const unsigned char *bytes, size_t size)
{
	for (int fd = 3; fd < FIRST_FDS; fd++) {
		if (is_fifo(fd))
			(void)!write(fd, bytes, size); /* a full pipe is as good as any */
	}
}

static void lie_junk(void)
{
	unsigned char junk[4096];

	for (size_t i = 0; i < sizeof(junk); i++)
		junk[i] = (unsigned char)(i * 7 + 1);
	for (int i = 0; i < 100; i++)
		write_to_pipes(junk, sizeof(junk));
}

static void lie_partial(void)
{
	write_to_pipes((const unsigned char *)"part", 4);
}

/* Type in the first two bytes, priority in the third, how it ended in the fourth, no peer. */
static void lie_records(void)
{
	for (unsigned char type = 1; type <= LAST_TYPE; type++) {
		unsigned char record[RECORD_SIZE];

		memset(record, '\n', sizeof(record));
		memset(record, 0, 64);
		record[0] = type;
		record[2] = 6;
		write_to_pipes(record, sizeof(record));
	}
}

static void lie_shared(void)
{
	for (int fd = 3; fd < FIRST_FDS; fd++) {
		struct stat st;
		void *shared;

		if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
			continue;
		shared = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (shared != MAP_FAILED)
			memset(shared, 2, (size_t)st.st_size);
	}
}

static const struct {
	const char *word;
	void (*lie)(void);
} lies[] = {
	{"junk", lie_junk},
	{"partial", lie_partial},
	{"records", lie_records},
	{"shared", lie_shared},
};

static int stream(struct cservd_conn *conn)
{
	char word[32];
	int got;

	while ((got = cservd_readline(conn, word, sizeof(word))) == 1) {
		for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
			if (strcmp(word, lies[i].word) == 0)
				lies[i].lie();
		}
		if (cservd_printf(conn, "%s\n", word) < 0)
			return -1;
	}
	return got;
}

CSERVD_PLUGIN(.name = "liar", .version = "1", .stream = stream);
