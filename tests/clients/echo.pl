# SPDX-License-Identifier: MIT
# A student's client: sends the lines of stdin over TCP or UDP, prints what comes back.
use strict;
use warnings;
use IO::Socket::INET;

my ($host, $port, $protocol) = @ARGV;
my $sock = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port, Proto => $protocol)
    or die "cannot connect: $@";
while (my $line = <STDIN>) {
    $sock->send($line);
    $sock->recv(my $answer, 1024);
    print $answer;
}
