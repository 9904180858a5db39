#!/usr/bin/env python3
"""Opens COUNT connections to a server, sends one request on each, and keeps them open until its standard input ends.
Prints `open` when the last one was answered.

    connections.py URL COUNT"""

import socket
import sys
from urllib.parse import urlsplit

where = urlsplit(sys.argv[1])
address, count = (where.hostname, where.port), int(sys.argv[2])
question = f"GET /readyz HTTP/1.1\r\nhost: {where.netloc}\r\n\r\n".encode()
connections = []
for _ in range(count):
    connection = socket.create_connection(address, timeout=20)
    connection.sendall(question)
    answer = connection.recv(65536)
    if not answer.startswith(b"HTTP/1.1 ") or answer[9:12] != b"200" or b"\r\nconnection: close" in answer.lower():
        sys.exit(f"answered {answer[:200]!r}")
    connections.append(connection)
print("open", flush=True)
sys.stdin.read()
