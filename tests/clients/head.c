/* SPDX-License-Identifier: MIT */
/* head - a student's HTTP client: asks HEAD in HTTP/1.1 and reads until the server closes. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_in server = {.sin_family = AF_INET};
	char buffer[512];
	ssize_t got;
	int sock;

	if (argc != 4) {
		fprintf(stderr, "usage: head ADDRESS PORT PATH\n");
		return 2;
	}
	server.sin_port = htons((unsigned short)atoi(argv[2]));
	inet_pton(AF_INET, argv[1], &server.sin_addr);
	sock = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(sock, (struct sockaddr *)&server, sizeof(server)) == -1) {
		perror("connect");
		return 1;
	}
	snprintf(buffer, sizeof(buffer), "HEAD %s HTTP/1.1\r\nHost: %s\r\n\r\n", argv[3], argv[1]);
	send(sock, buffer, strlen(buffer), 0);
	while ((got = recv(sock, buffer, sizeof(buffer), 0)) > 0)
		fwrite(buffer, 1, (size_t)got, stdout);
	close(sock);
	return 0;
}
