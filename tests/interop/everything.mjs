// The official TypeScript client, using everything that a server offers, and telling what came of each.
//
//   node everything.mjs stdio COMMAND ARGS…      node everything.mjs http URL [KEY]
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import * as types from '@modelcontextprotocol/sdk/types.js';

const [way, target, ...rest] = process.argv.slice(2);
const told = {};
const heard = { progress: 0, log: 0, updated: 0, sampled: 0, elicited: 0, roots: 0 };

const client = new Client(
  { name: 'everything', version: '1' },
  { capabilities: { sampling: {}, elicitation: { form: {} }, roots: { listChanged: true } } },
);
client.setRequestHandler(types.CreateMessageRequestSchema, async () => {
  heard.sampled += 1;
  return { role: 'assistant', model: 'none', content: { type: 'text', text: 'sampled' } };
});
client.setRequestHandler(types.ElicitRequestSchema, async () => {
  heard.elicited += 1;
  return { action: 'accept', content: { name: 'Ada', check: true } };
});
client.setRequestHandler(types.ListRootsRequestSchema, async () => {
  heard.roots += 1;
  return { roots: [{ uri: 'file:///tmp', name: 'tmp' }] };
});
let logged;
const logs = new Promise((resolve) => { logged = resolve; });
client.setNotificationHandler(types.LoggingMessageNotificationSchema, () => { heard.log += 1; logged(); });
client.setNotificationHandler(types.ResourceUpdatedNotificationSchema, () => { heard.updated += 1; });

const transport = way === 'stdio'
  ? new StdioClientTransport({ command: target, args: rest, env: process.env, stderr: 'inherit' })
  : new StreamableHTTPClientTransport(new URL(target), rest[0]
    ? { requestInit: { headers: { Authorization: `Bearer ${rest[0]}` } } } : {});

async function step(name, work) {
  try {
    told[name] = await work();
  } catch (error) {
    told[name] = `error ${error.code ?? ''} ${error.message}`;
  }
}

const text = (result) => (result.content ?? []).map((part) => part.text ?? part.type).join('|').slice(0, 200);

await client.connect(transport);
told.version = client.getServerVersion();
told.capabilities = client.getServerCapabilities();
await step('ping', () => client.ping());
let tools = [];
await step('tools', async () => {
  tools = (await client.listTools()).tools;
  return tools.map((tool) => tool.name).sort();
});
await step('prompts', async () => (await client.listPrompts()).prompts.map((prompt) => prompt.name));
await step('prompt', async () => {
  const { prompts } = await client.listPrompts();
  const plain = prompts.find((prompt) => !(prompt.arguments ?? []).length);
  return (await client.getPrompt({ name: plain.name })).messages.length;
});
await step('resources', async () => (await client.listResources()).resources.length);
await step('templates', async () => (await client.listResourceTemplates()).resourceTemplates.length);
await step('resource', async () => {
  const { resources } = await client.listResources();
  return (await client.readResource({ uri: resources[0].uri })).contents.length;
});
await step('complete', () => client.complete({
  ref: { type: 'ref/prompt', name: 'completable-prompt' }, argument: { name: 'department', value: 'E' },
}));
await step('level', () => client.setLoggingLevel('debug'));
await step('echo', async () => text(await client.callTool({ name: 'echo', arguments: { message: 'hello' } })));
await step('wrong', async () => text(await client.callTool({ name: 'no-such-tool', arguments: {} })));
await step('custom', () => client.request({ method: 'vendor/custom', params: { x: 1 } }, types.ResultSchema));
const by = (part) => tools.find((tool) => tool.name.toLowerCase().includes(part))?.name;
await step('progress', async () => text(await client.callTool(
  { name: by('longrunning') ?? by('long-running'), arguments: { duration: 1, steps: 4 } }, undefined,
  { onprogress: () => { heard.progress += 1; } },
)));
await step('sampling', async () => text(await client.callTool({ name: by('sampl'), arguments: { prompt: 'x', maxTokens: 10 } })));
await step('elicitation', async () => text(await client.callTool({ name: by('elicit'), arguments: {} })).slice(0, 60));
await step('roots', async () => text(await client.callTool({ name: by('roots'), arguments: {} })).slice(0, 60));
await step('cancel', async () => {
  const stop = new AbortController();
  const call = client.callTool(
    { name: by('longrunning') ?? by('long-running'), arguments: { duration: 30, steps: 30 } }, undefined,
    { signal: stop.signal, onprogress: () => stop.abort('enough') },
  );
  return call.then(() => 'not cancelled', (error) => String(error.message ?? error).slice(0, 60));
});
// What the server says of itself may come before anybody listens; this comes when it was asked for.
await client.callTool({ name: 'toggle-simulated-logging', arguments: {} });
await logs;
await step('after', async () => text(await client.callTool({ name: 'echo', arguments: { message: 'still here' } })));
told.heard = { ...heard, progress: heard.progress > 0, log: heard.log > 0, roots: heard.roots > 0 };
await client.close();
console.log(JSON.stringify(told, null, 1));
