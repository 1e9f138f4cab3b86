"""Reads as GuideLLM and the openai Python client do: line by line through httpx, every event parsed, then stamped."""

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
                    if line.startswith("data: ") and line != "data: [DONE]" and json.loads(line[6:])["choices"]:
                        token()

        await play(load, ask)


asyncio.run(main())
