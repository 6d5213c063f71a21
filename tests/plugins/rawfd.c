/* SPDX-License-Identifier: MIT */
/*
 * rawfd - echoes through the descriptor of cservd_fd(), as a library would.  With
 * opt.peek = yes it reads a line first; what cservd_fd() says then is the answer.
 */
#include <cservd/plugin.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

static int peek;

static int config(struct cservd_service *service)
{
	cservd_option_bool(service, "peek", &peek);
	return 0;
}

static int answer_error(struct cservd_conn *conn)
{
	char line[128];
	int fd, got = cservd_readline(conn, line, sizeof(line));

	if (got <= 0)
		return got;
	fd = cservd_fd(conn);
	return cservd_printf(conn, "%s\n", fd < 0 ? strerrorname_np(errno) : "done");
}

static int stream(struct cservd_conn *conn)
{
	char block[1024];
	ssize_t got;
	int fd;

	if (peek)
		return answer_error(conn);
	fd = cservd_fd(conn);
	if (fd < 0)
		return -1;
	while ((got = read(fd, block, sizeof(block))) > 0) {
		if (write(fd, block, (size_t)got) != got)
			return -1;
	}
	return (int)got;
}

static int datagram(struct cservd_conn *conn)
{
	int fd = cservd_fd(conn);

	return cservd_printf(conn, "%s", fd < 0 ? strerrorname_np(errno) : "done");
}

CSERVD_PLUGIN(.name = "rawfd", .version = "1", .help = "peek = read a line first", .config = config,
	      .stream = stream, .datagram = datagram);
