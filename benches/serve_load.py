"""Asks for one address over and over on one connection, and prints how long that took and what the server said of it.

Usage: serve_load.py URL SECONDS
"""

import json
import re
import socket
import sys
import time
from urllib.parse import urlsplit


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


def ask(connection, request, buffer):
    """One request; returns the head of its answer when the whole body is there."""
    connection.sendall(request)
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(65536)
        if not piece:
            sys.exit("the server closed the connection")
        head += piece
    head, body = head.split(b"\r\n\r\n", 1)
    left = int(re.search(rb"content-length: (\d+)", head, re.I)[1]) - len(body)
    while left > 0:
        left -= connection.recv_into(buffer, min(left, len(buffer)))
    return head


def main():
    url, seconds = urlsplit(sys.argv[1]), float(sys.argv[2])
    connection = socket.create_connection((url.hostname, url.port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    request = f"GET {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\n\r\n".encode()
    buffer = bytearray(1 << 20)
    ask(connection, request, buffer)  # fills the cache
    times, phases = [], {"cache": [], "json": []}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        head = ask(connection, request, buffer).decode("latin-1")
        times.append((time.perf_counter() - start) * 1e3)
        for name, found in phases.items():
            said = re.search(name + r";dur=([\d.]+)", head)
            if said:
                found.append(float(said[1]))
    print(json.dumps({
        "requests": len(times),
        "total_p50_ms": percentile(times, 0.5),
        "total_p99_ms": percentile(times, 0.99),
        "cache_p99_ms": percentile(phases["cache"], 0.99),
        "json_p99_ms": percentile(phases["json"], 0.99),
    }))


if __name__ == "__main__":
    main()
