import { Type } from '@sinclair/typebox';
import type { Static } from '@sinclair/typebox';
import { LIMITS } from '../limits.ts';
import {
  AccountIdField,
  ClusterIdField,
  CursorField,
  DeviceIdField,
  EnvelopeField,
  FencingTokenField,
  LockNameField,
  NameField,
  RoomIdField,
  SeqField,
  SessionIdField,
  strict,
  TimeField,
  TxnIdField,
} from './fields.ts';
import { PersonPresence, PresenceChoice } from './presence.ts';
import { GoneReason, MessageJson, RoleJson, RoomKind, TtlField } from './schemas.ts';

/**
 * Frames of `/v1/ws`, JSON text, one object each. The server speaks first (`hello`); the client's first frame is
 * `identify` (from now on) or `resume` (exactly what followed the cursor, then on). `ref` is the client's own mark
 * and comes back in the answer.
 */
const Ref = Type.String({ maxLength: 64 });
const Token = Type.String({ maxLength: 128, pattern: '^p1\\.S[a-z2-7]{26}\\.[A-Za-z0-9_-]{43}$' });

/** What others see of this feed's account from the first moment on; `online` where nothing is said. */
const presence = Type.Optional(PresenceChoice);

export const IdentifyFrame = Type.Object({ type: Type.Literal('identify'), token: Token, presence }, strict);
export const ResumeFrame = Type.Object(
  { type: Type.Literal('resume'), token: Token, cursor: CursorField, presence },
  strict,
);
export const SendFrame = Type.Object(
  { type: Type.Literal('send'), ref: Ref, room: RoomIdField, txnId: TxnIdField, envelope: EnvelopeField },
  strict,
);
export const PingFrame = Type.Object({ type: Type.Literal('ping'), ref: Type.Optional(Ref) }, strict);
/** Cumulative: everything up to `delivered` has arrived, and up to `read` was read. It has no answer. */
export const AckFrame = Type.Object(
  {
    type: Type.Literal('ack'),
    room: RoomIdField,
    delivered: Type.Optional(SeqField),
    read: Type.Optional(SeqField),
  },
  strict,
);
/** To be said again while it goes on. This and the next have no answer but an error. */
export const TypingSetFrame = Type.Object(
  { type: Type.Literal('typing'), ref: Type.Optional(Ref), room: RoomIdField, active: Type.Boolean() },
  strict,
);
export const PresenceSetFrame = Type.Object(
  { type: Type.Literal('presence'), ref: Type.Optional(Ref), status: PresenceChoice },
  strict,
);
/**
 * Whose presence this socket wants to hear of, instead of those it named before; each with a room that both are in.
 * Answered by one `presence` frame with those who are in the rooms named.
 */
export const WatchFrame = Type.Object(
  {
    type: Type.Literal('watch'),
    ref: Type.Optional(Ref),
    people: Type.Array(Type.Object({ room: RoomIdField, account: NameField }, strict), {
      maxItems: LIMITS.presenceWatchedMax,
    }),
  },
  strict,
);
export const ClientFrame = Type.Union([
  IdentifyFrame,
  ResumeFrame,
  SendFrame,
  PingFrame,
  AckFrame,
  TypingSetFrame,
  PresenceSetFrame,
  WatchFrame,
]);
/** By their `type`: what clients say. */
export const CLIENT_FRAMES = {
  identify: IdentifyFrame,
  resume: ResumeFrame,
  send: SendFrame,
  ping: PingFrame,
  ack: AckFrame,
  typing: TypingSetFrame,
  presence: PresenceSetFrame,
  watch: WatchFrame,
} as const;

export const HelloFrame = Type.Object({
  type: Type.Literal('hello'),
  cluster: Type.Union([ClusterIdField, Type.Null()]),
  node: Type.String(),
  heartbeatMs: Type.Integer(),
});
export const ReadyFrame = Type.Object({
  type: Type.Literal('ready'),
  account: NameField,
  device: DeviceIdField,
  session: SessionIdField,
  /** Where the live feed starts. After `resume`: the given cursor, or the newest if it could not be honoured. */
  cursor: CursorField,
  /** False: what lies between must be read by room; nothing will be replayed. */
  recovered: Type.Boolean(),
});
export const SentFrame = Type.Object({
  type: Type.Literal('sent'),
  ref: Ref,
  room: RoomIdField,
  seq: SeqField,
  id: Type.String(),
  sentAt: TimeField,
  cursor: CursorField,
});
export const PongFrame = Type.Object({ type: Type.Literal('pong'), ref: Type.Optional(Ref) });
export const ErrorFrame = Type.Object({
  type: Type.Literal('error'),
  ref: Type.Optional(Ref),
  code: Type.String(),
  detail: Type.String(),
  retryable: Type.Boolean(),
  retryAfterMs: Type.Optional(Type.Integer()),
  data: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
});
/** Somebody writes. Dropped where a reader does not keep up; ends by itself. */
export const TypingFrame = Type.Object({
  type: Type.Literal('typing'),
  room: RoomIdField,
  account: NameField,
  accountId: AccountIdField,
  active: Type.Boolean(),
  /** So long it is to be shown, unless it is said again or a message comes. */
  forMs: Type.Integer(),
});
/** How people are who are watched: all at once as the answer to `watch`, then those who change. */
export const PresenceFrame = Type.Object({
  type: Type.Literal('presence'),
  ref: Type.Optional(Ref),
  people: Type.Array(PersonPresence),
});
export const GoAwayFrame = Type.Object({
  type: Type.Literal('goaway'),
  retryAfterMs: Type.Integer(),
  alternatives: Type.Array(Type.String()),
});

const Member = Type.Object({ account: NameField, accountId: AccountIdField });
export const EventJson = Type.Union([
  Type.Composite([Type.Object({ kind: Type.Literal('message') }), MessageJson]),
  Type.Object({
    kind: Type.Literal('room-created'),
    room: RoomIdField,
    roomKind: RoomKind,
    members: Type.Array(Member),
    at: TimeField,
  }),
  Type.Object({ kind: Type.Literal('members-added'), room: RoomIdField, members: Type.Array(Member), at: TimeField }),
  Type.Object({ kind: Type.Literal('member-removed'), room: RoomIdField, members: Type.Array(Member), at: TimeField }),
  Type.Object({
    kind: Type.Literal('messages-gone'),
    room: RoomIdField,
    seqs: Type.Array(SeqField),
    reason: GoneReason,
    by: Type.Union([NameField, Type.Null()], { description: 'Null when their time was over, and for an operator.' }),
    at: TimeField,
  }),
  Type.Object({
    kind: Type.Literal('member-changed'),
    room: RoomIdField,
    account: NameField,
    accountId: AccountIdField,
    role: RoleJson,
    mutedUntil: Type.Union([TimeField, Type.Null()]),
    by: NameField,
    at: TimeField,
  }),
  Type.Object({
    kind: Type.Literal('room-archived'),
    room: RoomIdField,
    archived: Type.Boolean(),
    by: Type.Union([NameField, Type.Null()], { description: 'Null for an operator.' }),
    at: TimeField,
  }),
  Type.Object({
    kind: Type.Literal('receipt'),
    room: RoomIdField,
    account: NameField,
    accountId: AccountIdField,
    delivered: SeqField,
    read: SeqField,
    at: TimeField,
  }),
  Type.Object({
    kind: Type.Literal('room-ttl'),
    room: RoomIdField,
    ttlMs: TtlField,
    by: NameField,
    at: TimeField,
  }),
  Type.Object({
    kind: Type.Literal('pins-changed'),
    room: RoomIdField,
    seq: SeqField,
    pinned: Type.Boolean(),
    by: NameField,
    at: TimeField,
  }),
  Type.Object({ kind: Type.Literal('room-meta'), room: RoomIdField, at: TimeField }),
  Type.Object({
    kind: Type.Literal('devices-changed'),
    account: NameField,
    accountId: AccountIdField,
    device: DeviceIdField,
    change: Type.Union([Type.Literal('added'), Type.Literal('revoked')]),
    at: TimeField,
  }),
  Type.Object({ kind: Type.Literal('device-requested'), device: DeviceIdField, at: TimeField }),
  Type.Object({
    kind: Type.Literal('lock-granted'),
    name: LockNameField,
    token: FencingTokenField,
    session: SessionIdField,
    expiresAt: TimeField,
    at: TimeField,
  }),
  Type.Object({
    kind: Type.Literal('lock-lost'),
    name: LockNameField,
    token: FencingTokenField,
    session: SessionIdField,
    reason: Type.Union([Type.Literal('expired'), Type.Literal('session-ended')]),
    at: TimeField,
  }),
  Type.Object({ kind: Type.Literal('profile-changed'), account: NameField, at: TimeField }),
  Type.Object({ kind: Type.Literal('block-changed'), account: NameField, blocked: Type.Boolean(), at: TimeField }),
  Type.Object({ kind: Type.Literal('session-ended'), session: SessionIdField, at: TimeField }),
]);
export const EventFrame = Type.Object({ type: Type.Literal('event'), cursor: CursorField, event: EventJson });
export const ServerFrame = Type.Union([
  HelloFrame,
  ReadyFrame,
  SentFrame,
  EventFrame,
  PongFrame,
  ErrorFrame,
  GoAwayFrame,
  TypingFrame,
  PresenceFrame,
]);

/** By their `type`: what nodes say. */
export const SERVER_FRAMES = {
  hello: HelloFrame,
  ready: ReadyFrame,
  sent: SentFrame,
  event: EventFrame,
  pong: PongFrame,
  error: ErrorFrame,
  goaway: GoAwayFrame,
  typing: TypingFrame,
  presence: PresenceFrame,
} as const;

export type ClientFrameJson = Static<typeof ClientFrame>;
export type ServerFrameJson = Static<typeof ServerFrame>;
export type TypingFrameJson = Static<typeof TypingFrame>;
export type EventFrameJson = Static<typeof EventFrame>;
export type EventJsonT = Static<typeof EventJson>;
