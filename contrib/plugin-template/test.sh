#!/bin/sh
# SPDX-License-Identifier: MIT
# test.sh - runs a plugin on standard input and output, without a configuration or a port.
set -eu

PATH=$PATH:/usr/local/sbin:/usr/sbin
answer=$(printf 'world\n' | cservd --stdio "$1")
if [ "$answer" != "Hello, world!" ]; then
	echo "FAIL: $1 answered \"$answer\""
	exit 1
fi
echo "PASS"
