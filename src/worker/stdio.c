/* SPDX-License-Identifier: MIT */
/* stdio - runs the stream handler once on standard input and output. */
#include <errno.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "worker/report.h"
#include "worker/sandbox.h"
#include "worker/service.h"
#include "worker/stdio.h"
#include "worker/stream.h"

/* Started by inetd or over ssh, stdin may be the client's socket; else there are two pipes. */
static void attach(struct cservd_conn *conn)
{
	socklen_t len = sizeof(conn->peer);

	if (getpeername(STDIN_FILENO, &conn->peer.sa, &len) == 0 &&
	    (conn->peer.sa.sa_family == AF_INET || conn->peer.sa.sa_family == AF_INET6)) {
		stream_attach(conn, STDIN_FILENO, CONN_NO_LIMIT);
		return;
	}
	conn->peer.sa.sa_family = AF_UNSPEC;
	conn->fd = STDIN_FILENO;
	conn->fd_out = STDOUT_FILENO;
}

int stdio_serve(void)
{
	struct cservd_conn conn;
	int result, error;

	conn_init(&conn, &stream_ops, &service);
	attach(&conn);
	conn_current = &conn;
	sandbox_unblock();
	result = service.plugin.stream(&conn);
	error = errno;
	sandbox_leave(&conn);
	conn_finish(&conn);
	if (conn.is_socket)
		stream_linger(&conn);
	if (result == 0)
		return EX_OK;
	errno = error;
	report_log(LOG_ERR, "handler failed: %m");
	return EX_SOFTWARE;
}
