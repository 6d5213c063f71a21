# SPDX-License-Identifier: MIT
"""What the integration tests share: a test runner, the daemon, sockets, /proc."""
