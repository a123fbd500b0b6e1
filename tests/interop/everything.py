# The official Python client, using everything that a server offers, and telling what came of each.
#
#   python everything.py stdio COMMAND ARGS…      python everything.py http URL [KEY]
import asyncio
import json
import os
import sys

import mcp_types as types
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client

way, target, *rest = sys.argv[1:]
told = {}
heard = {"progress": 0, "log": 0, "sampled": 0, "elicited": 0, "roots": 0}


async def sampled(_context, _params):
    heard["sampled"] += 1
    return types.CreateMessageResult(
        role="assistant", model="none", content=types.TextContent(type="text", text="sampled")
    )


async def elicited(_context, _params):
    heard["elicited"] += 1
    return types.ElicitResult(action="accept", content={"name": "Ada", "check": True})


async def roots(_context):
    heard["roots"] += 1
    return types.ListRootsResult(roots=[types.Root(uri="file:///tmp", name="tmp")])


logs = asyncio.Event()


async def logged(_params):
    heard["log"] += 1
    logs.set()


async def progressed(*_how_far):
    heard["progress"] += 1


def transport():
    if way == "stdio":
        return StdioServerParameters(command=target, args=rest, env=dict(os.environ))
    headers = {"Authorization": f"Bearer {rest[0]}"} if rest else {}
    return streamable_http_client(target, http_client=create_mcp_http_client(headers=headers))


async def step(name, work):
    try:
        told[name] = await work
    except MCPError as error:
        told[name] = f"error {error.code} {error}"


def text(result):
    parts = [getattr(part, "text", part.type) for part in result.content]
    return f"{'error ' if result.is_error else ''}{'|'.join(parts)[:200]}"


async def use(client):
    tools = (await client.list_tools()).tools
    prompts = (await client.list_prompts()).prompts
    resources = (await client.list_resources()).resources
    told["tools"] = sorted(tool.name for tool in tools)
    told["prompts"] = [prompt.name for prompt in prompts]
    told["resources"] = [str(resource.uri) for resource in resources]

    def by(part):
        return next(tool.name for tool in tools if part in tool.name.lower())

    async def call(name, arguments, **more):
        return text(await client.call_tool(name, arguments, **more))

    async def prompt():
        plain = next(prompt for prompt in prompts if not prompt.arguments)
        return len((await client.get_prompt(plain.name)).messages)

    async def resource():
        return len((await client.read_resource(str(resources[0].uri))).contents)

    async def templates():
        return len((await client.list_resource_templates()).resource_templates)

    async def completion():
        reference = types.PromptReference(type="ref/prompt", name="completable-prompt")
        found = await client.complete(reference, {"name": "department", "value": "E"})
        return found.completion.values

    await step("prompt", prompt())
    await step("resource", resource())
    await step("templates", templates())
    await step("complete", completion())
    await step("echo", call("echo", {"message": "hello"}))
    await step("wrong", call("no-such-tool", {}))
    long = {"duration": 1, "steps": 4}
    await step("progress", call(by("long-running"), long, progress_callback=progressed))
    await step("sampling", call(by("sampl"), {"prompt": "x", "maxTokens": 10}))
    await step("elicitation", call(by("elicit"), {}))
    await step("roots", call(by("roots"), {}))
    # What the server says of itself may come before anybody listens; this comes when it was asked for.
    await call("toggle-simulated-logging", {})
    async with asyncio.timeout(20):
        await logs.wait()
    await step("after", call("echo", {"message": "still here"}))


async def main():
    options = {
        "sampling_callback": sampled,
        "elicitation_callback": elicited,
        "list_roots_callback": roots,
        "logging_callback": logged,
        "log_level": "debug",
    }
    async with Client(transport(), **options) as client:
        told["version"] = client.server_info.model_dump()
        told["capabilities"] = client.server_capabilities.model_dump()
        await use(client)
    told["heard"] = {**heard, "progress": heard["progress"] > 0, "log": heard["log"] > 0, "roots": heard["roots"] > 0}
    print(json.dumps(told, indent=1))


asyncio.run(main())
