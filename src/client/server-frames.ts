import { Value } from '@sinclair/typebox/value';
import {
  EventFrame,
  EventJson,
  GoAwayFrame,
  HelloFrame,
  PresenceFrame,
  ReadyFrame,
  TypingFrame,
} from '../protocol/http/frames.ts';
import { MessageJson } from '../protocol/http/schemas.ts';
import { isErrorCode } from '../protocol/errors.ts';
import { isMessage, OddAnswer } from './answers.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import type { EventJsonT, TypingFrameJson } from '../protocol/http/frames.ts';
import type { PersonPresenceJson } from '../protocol/http/presence.ts';
import type { MessageJsonT } from '../protocol/http/schemas.ts';

/** What happens besides messages. */
export type Happening = Exclude<EventJsonT, { readonly kind: 'message' }>;

/** What the engine makes of a node's frames. `other`: nothing it acts on, perhaps from a newer node. */
export type ServerFrame =
  | { readonly type: 'hello'; readonly heartbeatMs: number }
  | { readonly type: 'ready'; readonly cursor: string; readonly recovered: boolean }
  | { readonly type: 'event'; readonly cursor: string; readonly message: MessageJsonT }
  | { readonly type: 'event'; readonly cursor: string; readonly message: null; readonly happening: Happening | null }
  | { readonly type: 'presence'; readonly people: readonly PersonPresenceJson[] }
  | { readonly type: 'typing'; readonly typing: TypingFrameJson }
  | { readonly type: 'goaway'; readonly alternatives: readonly string[] }
  | { readonly type: 'error'; readonly code: ErrorCode; readonly detail: string }
  | { readonly type: 'other' };

const HEARTBEAT_MS_MIN = 1_000;
const HEARTBEAT_MS_MAX = 60_000;
const ALTERNATIVES_MAX = 16;
const DETAIL_LENGTH_MAX = 500;
/** Whoever writes for longer says it again. */
const TYPING_MS_MAX = 60_000;

/** @throws OddAnswer for what no honest node sends */
export function parseServerFrame(data: unknown): ServerFrame {
  const frame = objectIn(data);
  switch (frame['type']) {
    case 'hello':
      if (!Value.Check(HelloFrame.properties.heartbeatMs, frame['heartbeatMs'])) throw new OddAnswer();
      return { type: 'hello', heartbeatMs: clamp(frame['heartbeatMs'], HEARTBEAT_MS_MIN, HEARTBEAT_MS_MAX) };
    case 'ready': {
      const { cursor, recovered } = frame;
      if (!Value.Check(ReadyFrame.properties.cursor, cursor) || typeof recovered !== 'boolean') throw new OddAnswer();
      return { type: 'ready', cursor, recovered };
    }
    case 'event': {
      const { cursor, event } = frame;
      if (!Value.Check(EventFrame.properties.cursor, cursor)) throw new OddAnswer();
      const message = messageIn(event);
      return message === null
        ? { type: 'event', cursor, message, happening: happeningIn(event) }
        : { type: 'event', cursor, message };
    }
    case 'presence': {
      const presence = Value.Clean(PresenceFrame, frame);
      // It is of the moment, and nothing is built on it: what cannot be read is passed over.
      if (!Value.Check(PresenceFrame, presence)) return { type: 'other' };
      return { type: 'presence', people: presence.people };
    }
    case 'typing': {
      const typing = Value.Clean(TypingFrame, frame);
      if (!Value.Check(TypingFrame, typing) || typing.forMs <= 0) throw new OddAnswer();
      return { type: 'typing', typing: { ...typing, forMs: Math.min(typing.forMs, TYPING_MS_MAX) } };
    }
    case 'goaway': {
      const { alternatives } = frame;
      if (!Value.Check(GoAwayFrame.properties.alternatives, alternatives)) throw new OddAnswer();
      return { type: 'goaway', alternatives: alternatives.slice(0, ALTERNATIVES_MAX) };
    }
    case 'error': {
      const { code, detail } = frame;
      if (typeof code !== 'string' || !isErrorCode(code) || typeof detail !== 'string') return { type: 'other' };
      return { type: 'error', code, detail: detail.slice(0, DETAIL_LENGTH_MAX) };
    }
    default:
      return { type: 'other' };
  }
}

function objectIn(data: unknown): Record<string, unknown> {
  if (typeof data !== 'string') throw new OddAnswer();
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    throw new OddAnswer();
  }
  if (typeof value !== 'object' || value === null) throw new OddAnswer();
  return value as Record<string, unknown>;
}

const HAPPENINGS = new Map(EventJson.anyOf.map((schema) => [schema.properties.kind.const as string, schema] as const));

/** Null for what this program does not know, or knows in another form: a newer node may tell of more. */
function happeningIn(event: unknown): Happening | null {
  const schema = HAPPENINGS.get(String((event as { kind?: unknown }).kind));
  if (schema === undefined) return null;
  const happening = Value.Clean(schema, event);
  return Value.Check(schema, happening) ? (happening as Happening) : null;
}

/** Null for every other kind of event. */
function messageIn(event: unknown): MessageJsonT | null {
  if (typeof event !== 'object' || event === null) throw new OddAnswer();
  if ((event as { kind?: unknown }).kind !== 'message') return null;
  const message = Value.Clean(MessageJson, event);
  if (!Value.Check(MessageJson, message) || message.seq < 1 || !isMessage(message)) throw new OddAnswer();
  return message;
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(Math.max(value, min), max);
}
