import type { JsonSchema } from './json-schema.ts';
import type { Needed } from './operations.ts';

/**
 * Makes a txnId: ten characters of time, sixteen of chance (github.com/ulid/spec). To be pasted into a shell.
 */
const ULID = [
  `ulid() { node -e 'let t = Date.now(), s = ""; const c = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";`,
  'for (let i = 0; i < 10; i++, t = Math.floor(t / 32)) s = c[t % 32] + s;',
  `for (const b of crypto.getRandomValues(new Uint8Array(16))) s += c[b % 32]; console.log(s)'; }`,
].join('\n');

export interface Example {
  readonly title: string;
  readonly prose: string;
  /** To be pasted into a shell in the checkout, after those before it. */
  readonly shell: string;
}

/** A first walk through the API with nothing but a shell; the tests run it as it stands on the page. */
export function walkThrough(base: string): readonly Example[] {
  const ws = base.replace(/^http/, 'ws');
  return [
    {
      title: 'Who is there',
      prose: 'Open to everybody. Any node answers everything; take whichever is up, and another one when it fails.',
      shell: `curl -sS ${base}/v1/cluster`,
    },
    {
      title: 'An account and a token',
      prose:
        'Accounts are keys, and the client draws them; so the first step is a client. `parley token` prints an access ' +
        'token of that device, good for at least a minute on every node.',
      shell: [
        `npx parley --home /tmp/docs-ann --endpoint ${base} register docs-ann`,
        `npx parley --home /tmp/docs-bob --endpoint ${base} register docs-bob`,
        'TOKEN=$(npx parley --home /tmp/docs-ann token)',
      ].join('\n'),
    },
    {
      title: 'Look somebody up',
      prose: 'Every list is paged: `limit`, and `after` with what `next` of the page before says.',
      shell: `curl -sS -H "Authorization: Bearer $TOKEN" "${base}/v1/people?query=docs&limit=10"`,
    },
    {
      title: 'Change something, once',
      prose:
        'Whatever changes something takes a `txnId` (a ULID) in its body, or in the header `Idempotency-Key`. The same ' +
        'request with the same txnId has the same answer, from any node: repeat it whenever you are in doubt.',
      shell: [
        ULID,
        'TXN=$(ulid)',
        'for attempt in 1 2; do',
        `curl -sS -X POST -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d @- ${base}/v1/rooms <<END`,
        '{"kind": "group", "members": [], "txnId": "$TXN"}',
        'END',
        'done',
      ].join('\n'),
    },
    {
      title: 'Write and read',
      prose:
        'Messages are encrypted by the client: `parley` (or `parley rpc`, from any language) writes them, and what ' +
        'nodes give out are sealed envelopes with their numbers, which have no gaps.',
      shell: [
        'npx parley --home /tmp/docs-ann send @docs-bob "Hello Bob"',
        `ROOM=$(curl -sS -H "Authorization: Bearer $TOKEN" ${base}/v1/rooms | node -pe 'JSON.parse(require("fs").readFileSync(0)).rooms.find((r) => r.kind === "direct").room')`,
        `curl -sS -H "Authorization: Bearer $TOKEN" "${base}/v1/rooms/$ROOM/messages?limit=10"`,
        'npx parley --home /tmp/docs-bob read @docs-ann',
      ].join('\n'),
    },
    {
      title: 'The live feed, by WebSocket',
      prose: 'The token goes into the first frame, never into an address. Reconnect with `resume` and the last cursor.',
      shell: [
        `node --input-type=module -e '`,
        'import WebSocket from "ws";',
        `const ws = new WebSocket("${ws}/v1/ws");`,
        'ws.on("open", () => ws.send(JSON.stringify({ type: "identify", token: process.argv[1] })));',
        'ws.on("message", (data) => {',
        '  console.log(String(data));',
        '  const { type } = JSON.parse(data);',
        '  if (type === "ready") ws.send(JSON.stringify({ type: "ping", ref: "mine" }));',
        '  if (type === "pong") ws.close();',
        '});',
        `' "$TOKEN"`,
      ].join('\n'),
    },
    {
      title: 'The live feed, where WebSockets are blocked',
      prose: 'Server-sent events: the same frames. It goes on for ever; here for two seconds.',
      shell: `curl -sSN --max-time 2 -H "Authorization: Bearer $TOKEN" ${base}/v1/events; true`,
    },
    {
      title: 'What errors look like',
      prose: 'RFC 9457 problem details. Branch on `code`; `retryable` says whether the same request may succeed later.',
      shell: `curl -sS -H "Authorization: Bearer $TOKEN" ${base}/v1/accounts/nobody-here`,
    },
    {
      title: 'Administer',
      prose:
        'With the admin token of a node, which stands in its data directory, or as an admin of the server with a session.',
      shell: `curl -sS -H "Authorization: Bearer $(cat \${PARLEY_DATA:-.data}/n1/admin.token)" ${base}/v1/admin/status`,
    },
  ];
}

const TOKENS = { session: 'TOKEN', grant: 'GRANT', admin: 'ADMIN_TOKEN' } as const satisfies Record<Needed, string>;

export interface ExampleRequest {
  readonly method: string;
  readonly path: string;
  readonly security: Needed | null;
  readonly body?: JsonSchema | undefined;
  readonly contentType?: string | undefined;
}

/** One route as a line for the shell; in capitals behind `$` what only the reader knows. */
export function curlLine(base: string, { method, path, security, body, contentType }: ExampleRequest): string {
  const url = base + path.replaceAll(/\{([a-zA-Z]+)\}/g, (_, name: string) => `$${variableOf(name)}`);
  const parts = ['curl -sS'];
  if (method !== 'GET') parts.push(`-X ${method}`);
  if (security !== null) parts.push(`-H "Authorization: Bearer $${TOKENS[security]}"`);
  if (contentType === 'application/octet-stream') {
    return [...parts, `-H 'Content-Type: ${contentType}' --data-binary @CHUNK "${url}"`].join(' ');
  }
  if (body === undefined) {
    const key = method === 'DELETE' ? ['-H "Idempotency-Key: $(ulid)"'] : [];
    return [...parts, ...key, `"${url}"`].join(' ');
  }
  const json = JSON.stringify(exampleOf(body, ''), null, 1).replaceAll(/\n\s*/g, ' ');
  return `${[...parts, `-H 'Content-Type: application/json' -d @-`, `"${url}"`].join(' ')} <<END\n${json}\nEND`;
}

const variableOf = (name: string): string => name.replaceAll(/[A-Z]/g, '_$&').toUpperCase();

/** A value of the right form; for what has to be made by a client, a variable of the shell. */
function exampleOf(schema: JsonSchema, name: string): unknown {
  if (name === 'txnId') return '$(ulid)';
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return schema.enum[0];
  if (schema.anyOf !== undefined) return exampleOf(schema.anyOf[0]!, name);
  if (schema.type === 'object') return exampleObject(schema);
  if (schema.type === 'array') return [];
  if (schema.type === 'boolean') return true;
  if (schema.type === 'integer' || schema.type === 'number') return schema.minimum ?? 1;
  return schema.pattern === undefined ? 'text' : `$${variableOf(name)}`;
}

/** What has to be there; where nothing has to, the first that may. */
function exampleObject({ properties = {}, required = [] }: JsonSchema): object {
  const names = Object.keys(properties);
  const needed = names.filter((name) => required.includes(name));
  const optional = names.filter((name) => !required.includes(name));
  const isChange = needed.join() === 'txnId' && optional.length > 0;
  const shown = needed.length === 0 || isChange ? [...optional.slice(0, 1), ...needed] : needed;
  return Object.fromEntries(shown.map((name) => [name, exampleOf(properties[name]!, name)]));
}
