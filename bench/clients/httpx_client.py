"""Reads as GuideLLM does: line by line through httpx with its limits, every event parsed, then stamped.

It leaves at [DONE], as GuideLLM does, which ends the connection: else many are idle at a time, and httpcore's pool looks at all pairs of
those whenever a request starts or ends.
"""

import asyncio
import json

import httpx
from lanes import arguments, body, play


async def main():
    load = arguments()
    url = f"http://127.0.0.1:{load.port}/v1/completions"
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(limits=limits, timeout=600) as client:

        async def ask(request, token):
            async with client.stream("POST", url, json=body(load), headers={"x-request-id": str(request)}) as response:
                async for line in response.aiter_lines():
                    if line == "data: [DONE]":
                        break
                    if line.startswith("data: ") and json.loads(line[6:])["choices"]:
                        token()

        await play(load, ask)


asyncio.run(main())
