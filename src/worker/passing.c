/* SPDX-License-Identifier: MIT */
/* passing - sends a packet with a descriptor to another process. */
#include <string.h>
#include <sys/socket.h>

#include "worker/passing.h"

int passing_send(int socket, const void *bytes, size_t size, int fd, int flags)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)),
				.cmsg_level = SOL_SOCKET,
				.cmsg_type = SCM_RIGHTS}};
	struct iovec data = {.iov_base = (void *)bytes, .iov_len = size};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};

	if (fd != -1) {
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
	}
	return sendmsg(socket, &message, flags | MSG_NOSIGNAL) == -1 ? -1 : 0;
}
