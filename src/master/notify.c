/* SPDX-License-Identifier: MIT */
/* notify - tells a service manager how we are (the protocol of sd_notify(3)). */
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "master/notify.h"

/* Fills *ret from the text of NOTIFY_SOCKET.  Its length, or 0 with errno EINVAL. */
static socklen_t parse_socket(const char *text, struct sockaddr_un *ret)
{
	size_t len = strlen(text);

	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	if ((text[0] != '/' && text[0] != '@') || len < 2 || len >= sizeof(ret->sun_path)) {
		errno = EINVAL;
		return 0;
	}
	memcpy(ret->sun_path, text, len);
	if (text[0] == '@')
		ret->sun_path[0] = '\0'; /* the abstract name space, unix(7) */
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

int notify_send(const char *lines)
{
	const char *text = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to;
	CLEANUP_CLOSE int fd = -1;
	socklen_t len;

	if (text == NULL)
		return 0;
	len = parse_socket(text, &to);
	if (len == 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	/* Not waiting: a manager that does not read must not stop the services. */
	if (sendto(fd, lines, strlen(lines), MSG_NOSIGNAL | MSG_DONTWAIT,
		   (const struct sockaddr *)&to, len) < 0)
		return -1;
	return 0;
}
