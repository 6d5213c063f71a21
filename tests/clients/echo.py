# SPDX-License-Identifier: MIT
"""A student's client: sends the lines of stdin over TCP or UDP, prints what comes back."""

import socket
import sys

host, port, protocol = sys.argv[1:]
sock = socket.socket(socket.AF_INET,
                     socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM)
sock.connect((host, int(port)))
for line in sys.stdin:
    sock.send(line.encode())
    sys.stdout.write(sock.recv(1024).decode())
sock.close()
