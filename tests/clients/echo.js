// SPDX-License-Identifier: MIT
// A student's client: sends the lines of stdin over TCP or UDP, prints what comes back.
'use strict';
const dgram = require('dgram');
const fs = require('fs');
const net = require('net');

const [host, port, protocol] = process.argv.slice(2);
const lines = fs.readFileSync(0, 'utf8').split('\n').slice(0, -1).map(line => line + '\n');

if (protocol === 'udp') {
    const sock = dgram.createSocket('udp4');
    let answered = 0;
    sock.on('message', message => {
        process.stdout.write(message);
        if (++answered === lines.length)
            sock.close();
        else
            sock.send(lines[answered], port, host);
    });
    sock.send(lines[0], port, host);
} else {
    const sock = net.connect(port, host);
    sock.pipe(process.stdout);
    sock.end(lines.join(''));
}
