/* SPDX-License-Identifier: MIT */
/* lost - notices that a plugin has closed a descriptor that the worker lives on. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <syslog.h>
#include <unistd.h>

#include "worker/lost.h"
#include "worker/report.h"

/* A connection may have got the number of a closed listener.  One that was shut down has no peer.
 */
static bool is_lost(int fd, int error)
{
	union addr peer;
	socklen_t len = sizeof(peer);

	return error == EBADF || error == ENOTSOCK ||
	       (error == EINVAL && getpeername(fd, &peer.sa, &len) == 0);
}

void lost_check(int fd, int error)
{
	struct message message;

	if (is_lost(fd, error)) {
		report_prepare(&message, MESSAGE_LOG);
		message.priority = LOG_ERR;
		strcpy(message.text, "the plugin closed a descriptor of its worker, which ends");
		(void)report_now(&message); /* the pipe may be closed as well */
		_exit(EX_SOFTWARE);
	}
	errno = error;
}
