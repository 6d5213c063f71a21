/* SPDX-License-Identifier: MIT */
/* echo - a student's client: sends the lines of stdin over TCP or UDP, prints what comes back. */
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int open_socket(const char *host, const char *port, int type)
{
	struct addrinfo hints = {.ai_socktype = type}, *found;
	int sock;

	if (getaddrinfo(host, port, &hints, &found) != 0)
		return -1;
	sock = socket(found->ai_family, found->ai_socktype, found->ai_protocol);
	if (sock != -1 && connect(sock, found->ai_addr, found->ai_addrlen) == -1) {
		close(sock);
		sock = -1;
	}
	freeaddrinfo(found);
	return sock;
}

int main(int argc, char **argv)
{
	char line[1024];
	int sock;

	if (argc != 4) {
		fprintf(stderr, "usage: echo HOST PORT tcp|udp\n");
		return 2;
	}
	sock = open_socket(argv[1], argv[2], strcmp(argv[3], "udp") ? SOCK_STREAM : SOCK_DGRAM);
	if (sock == -1) {
		perror(argv[1]);
		return 1;
	}
	while (fgets(line, sizeof(line), stdin)) {
		ssize_t got;

		send(sock, line, strlen(line), 0);
		got = recv(sock, line, sizeof(line), 0);
		if (got <= 0)
			break;
		fwrite(line, 1, (size_t)got, stdout);
	}
	close(sock);
	return 0;
}
