"""The frame of the Python clients: lanes, one request after the other on each, and the same figures as every other client program."""

import argparse
import asyncio
import json
import resource
import time
import urllib.request


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    for name, default in [("streams", 64), ("requests", 1000), ("tokens", 200), ("ramp-ms", 0), ("prompt-bytes", 64), ("paced", 0)]:
        parser.add_argument(f"--{name}", type=int, default=default)
    return parser.parse_args()


def body(load):
    return {"model": "truth", "prompt": "x" * load.prompt_bytes, "max_tokens": load.tokens, "stream": True}


async def play(load, ask):
    """`ask(request, token)` awaits one reply and calls `token()` for each event with text."""
    received, count, numbers = {}, 0, iter(range(load.requests))

    async def lane(index):
        nonlocal count
        await asyncio.sleep(load.ramp_ms / 1000 * index / load.streams)
        for request in numbers:
            sent, stamps = time.monotonic_ns(), []
            await ask(request, lambda: stamps.append(time.monotonic_ns()))
            count += len(stamps)
            if load.paced:
                received[request] = sent, stamps

    idle, began, cpu = rss_mib(), time.monotonic(), time.process_time()
    await asyncio.gather(*(lane(index) for index in range(load.streams)))
    seconds, cpu = time.monotonic() - began, time.process_time() - cpu
    events = load.requests * load.tokens
    if count != events:
        raise SystemExit(f"{count} of {events} events")
    measured = {
        "seconds": seconds,
        "events_per_second": events / seconds,
        "replies_per_second": load.requests / seconds,
        "cpu_seconds_per_million": cpu / events * 1e6,
        "rss_mib": rss_mib(),
        "idle_rss_mib": idle,
    }
    print(json.dumps({**measured, **(errors(load.port, received) if load.paced else {})}))


def errors(port, received):
    stamps, firsts = [], []
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/truth") as reply:
        for line in reply.read().decode().splitlines():
            request, read, *written = map(int, line.split())
            sent, tokens = received[request]
            stamps += [stamp - at for stamp, at in zip(tokens, written, strict=True)]
            firsts.append(tokens[0] - sent - (written[0] - read))
    return {"stamp_error_us": spread(stamps), "ttft_error_us": spread(firsts)}


def spread(nanoseconds):
    ascending = sorted(nanoseconds)

    def at(share):
        return round(ascending[max(0, -int(-share * len(ascending) // 1) - 1)] / 1e3, 1)

    return {"n": len(ascending), "p50": at(0.5), "p99": at(0.99), "max": at(1)}


def rss_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
