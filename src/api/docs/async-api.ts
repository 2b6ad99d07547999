import type { TSchema } from '@sinclair/typebox';
import { ERRORS } from '../../protocol/errors.ts';
import { CLIENT_FRAMES, SERVER_FRAMES } from '../../protocol/http/frames.ts';
import { CLIENT_FRAME_NOTES, SERVER_FRAME_NOTES } from './frame-notes.ts';
import type { ClientFrameType, ServerFrameType } from './frame-notes.ts';

export interface AsyncApiParts {
  readonly version: string;
  /** By name, their base URLs as clients know them. */
  readonly nodes: readonly { readonly id: string; readonly url: string }[];
}

type Message = { readonly name: string; readonly title: string; readonly summary: string; readonly payload: TSchema };
type Reference = { readonly $ref: string };

const DESCRIPTION = `The live feed of an account. The node speaks first (\`hello\`); the client answers with
\`identify\` or \`resume\`, which carry the access token, and hears \`ready\`. Frames are JSON texts of one object each,
of at most 128 KiB. \`ref\` is the client's own mark and comes back in the answer. Whoever reads too slowly is closed
with 4505 and loses nothing: \`resume\` brings what was missed.`;

/** Of clients, whose frames have some types in common with those of nodes. */
const keyOf = (type: ClientFrameType): string => (Object.hasOwn(SERVER_FRAMES, type) ? `${type}-set` : type);
const clientTypes = Object.keys(CLIENT_FRAMES) as ClientFrameType[];
const serverTypes = Object.keys(SERVER_FRAMES) as ServerFrameType[];
/** What a stream of server-sent events cannot have: it has no client that speaks. */
const ANSWERS: ReadonlySet<ServerFrameType> = new Set(['hello', 'sent', 'pong']);
const streamTypes = serverTypes.filter((type) => !ANSWERS.has(type));

/**
 * The frames of `/v1/ws` and `/v1/events` as an AsyncAPI 3.0 document, from the schemas that check them. It describes
 * the node: `receive` is what it takes, `send` what it says.
 */
export function asyncApiDocument({ version, nodes }: AsyncApiParts): object {
  return {
    asyncapi: '3.0.0',
    info: { title: 'Parley: live feed', version, description: DESCRIPTION },
    defaultContentType: 'application/json',
    servers: Object.fromEntries(nodes.map(({ id, url }) => [id, serverOf(url)])),
    channels: {
      feed: {
        address: '/v1/ws',
        title: 'WebSocket',
        description: `Close codes:\n\n${closeCodes()}`,
        messages: referencesTo([...clientTypes.map(keyOf), ...serverTypes], '#/components/messages/'),
        bindings: { ws: { method: 'GET', bindingVersion: '0.1.0' } },
      },
      stream: {
        address: '/v1/events',
        title: 'Server-sent events, where WebSockets are blocked',
        description: 'The same frames as `data:` of events; `id:` is the cursor. See /v1/openapi.json for the request.',
        messages: referencesTo(streamTypes, '#/components/messages/'),
      },
    },
    operations: {
      ...Object.fromEntries(clientTypes.map((type) => [`take-${type}`, takes(type)])),
      ...Object.fromEntries(serverTypes.map((type) => [`say-${type}`, says(type)])),
      stream: {
        action: 'send',
        channel: { $ref: '#/channels/stream' },
        messages: streamTypes.map((type) => ({ $ref: `#/channels/stream/messages/${type}` })),
      },
    },
    components: { messages: messages() },
  };
}

function takes(type: ClientFrameType): object {
  const { summary, answer } = CLIENT_FRAME_NOTES[type];
  const answers: ServerFrameType[] = answer === null ? ['error'] : [answer, 'error'];
  return {
    action: 'receive',
    channel: { $ref: '#/channels/feed' },
    summary,
    messages: [inFeed(keyOf(type))],
    reply: { channel: { $ref: '#/channels/feed' }, messages: answers.map(inFeed) },
  };
}

function says(type: ServerFrameType): object {
  return {
    action: 'send',
    channel: { $ref: '#/channels/feed' },
    summary: SERVER_FRAME_NOTES[type],
    messages: [inFeed(type)],
  };
}

const inFeed = (key: string): Reference => ({ $ref: `#/channels/feed/messages/${key}` });

function messages(): Record<string, Message> {
  const said = clientTypes.map((type): [string, Message] => [
    keyOf(type),
    { name: type, title: type, summary: CLIENT_FRAME_NOTES[type].summary, payload: CLIENT_FRAMES[type] },
  ]);
  const heard = serverTypes.map((type): [string, Message] => [
    type,
    { name: type, title: type, summary: SERVER_FRAME_NOTES[type], payload: SERVER_FRAMES[type] },
  ]);
  return Object.fromEntries([...said, ...heard]);
}

function referencesTo(keys: readonly string[], prefix: string): Record<string, Reference> {
  return Object.fromEntries(keys.map((key) => [key, { $ref: `${prefix}${key}` }]));
}

function serverOf(url: string): object {
  const { protocol, host, pathname } = new URL(url);
  return {
    host,
    protocol: protocol === 'https:' ? 'wss' : 'ws',
    ...(pathname === '/' ? {} : { pathname }),
  };
}

/** Whether to come back is in the table of errors, like everything else about them. */
function closeCodes(): string {
  const rows = Object.entries(ERRORS).flatMap(([code, row]) => {
    if (!('close' in row)) return [];
    return [
      `- ${row.close} \`${code}\`: ${row.title} ${row.retryable ? 'Reconnect.' : 'Do not reconnect as you are.'}`,
    ];
  });
  return rows.toSorted().join('\n');
}
