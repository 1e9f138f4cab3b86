"""Reads as `vllm bench serve` does: whatever has come, split at blank lines, every event parsed, then stamped."""

import asyncio
import json

import aiohttp
from lanes import arguments, body, play


async def main():
    load = arguments()
    url = f"http://127.0.0.1:{load.port}/v1/completions"
    connector = aiohttp.TCPConnector(limit=load.streams, limit_per_host=load.streams, ttl_dns_cache=300, keepalive_timeout=60)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=600)) as session:

        async def ask(request, token):
            async with session.post(url, json=body(load), headers={"x-request-id": str(request)}) as response:
                rest = ""
                async for piece in response.content.iter_any():
                    *events, rest = (rest + piece.decode()).split("\n\n")
                    for event in events:
                        data = event.removeprefix("data: ")
                        if data != "[DONE]" and json.loads(data)["choices"]:
                            token()

        await play(load, ask)


asyncio.run(main())
