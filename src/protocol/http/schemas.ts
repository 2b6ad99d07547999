import { Type } from '@sinclair/typebox';
import type { Static } from '@sinclair/typebox';
import { REGISTRATION_POLICIES } from '../commands.ts';
import { GONE_REASONS } from '../events.ts';
import { RetentionField } from './quotas.ts';
import { LIMITS } from '../limits.ts';
import {
  AccountIdField,
  bytesField,
  ClusterIdField,
  CursorField,
  DeviceIdField,
  EnvelopeField,
  Hash32,
  Key32,
  NameField,
  NodeNameField,
  RoomIdField,
  SeqField,
  SessionIdField,
  Signature64,
  strict,
  TimeField,
  TxnIdField,
} from './fields.ts';

/** RFC 9457 problem details. */
export const Problem = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    code: Type.String(),
    retryable: Type.Boolean(),
    retryAfterMs: Type.Optional(Type.Integer({ minimum: 0 })),
    requestId: Type.String(),
    leaderId: Type.Union([Type.String(), Type.Null()]),
    data: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  },
  { $id: 'Problem' },
);

export const DeviceJson = Type.Object(
  { device: DeviceIdField, signingKey: Key32, sealingKey: Key32, signature: Signature64 },
  strict,
);

// POST /v1/accounts (no login). Idempotent for the same name and user key.
export const RegisterBody = Type.Object(
  {
    name: NameField,
    userKey: Key32,
    device: DeviceJson,
    txnId: TxnIdField,
    invite: Type.Optional(Type.String({ maxLength: 64 })),
  },
  strict,
);
export const RegisterReply = Type.Object({ account: NameField, accountId: AccountIdField, device: DeviceIdField });

// GET /v1/accounts/{name} (login). GET /v1/accounts?query=&after=&limit= lists the same objects.
export const AccountJson = Type.Object({
  account: NameField,
  accountId: AccountIdField,
  userKey: Key32,
  devices: Type.Array(DeviceJson),
  /** Left out for who is there as usual. */
  state: Type.Optional(Type.Union([Type.Literal('deactivated'), Type.Literal('deleted')])),
});
export const AccountsReply = Type.Object({
  accounts: Type.Array(AccountJson),
  next: Type.Union([NameField, Type.Null()]),
});

// POST /v1/accounts/{name}/device-requests (no login, rate-limited).
export const DeviceRequestBody = Type.Object(
  { device: DeviceIdField, signingKey: Key32, sealingKey: Key32, txnId: TxnIdField },
  strict,
);
export const DeviceRequestReply = Type.Object({
  accountId: AccountIdField,
  device: DeviceIdField,
  expiresAt: TimeField,
});
// GET /v1/accounts/{name}/device-requests/{device} (no login): how the asking device learns the answer.
export const DeviceRequestStatus = Type.Object({
  state: Type.Union([Type.Literal('pending'), Type.Literal('approved')]),
  userKey: Key32,
  accountId: AccountIdField,
  record: Type.Optional(DeviceJson),
  sealedUserKey: Type.Optional(bytesField(1, 1024, 'HPKE to the new device')),
});
// GET /v1/device-requests (login): those waiting for one's own account.
export const DeviceRequestsReply = Type.Object({
  requests: Type.Array(
    Type.Object({ device: DeviceIdField, signingKey: Key32, sealingKey: Key32, expiresAt: TimeField }),
  ),
});
// PUT /v1/devices/{device} (login): approve. DELETE /v1/devices/{device}: revoke.
export const DeviceApproveBody = Type.Object(
  { record: DeviceJson, sealedUserKey: bytesField(1, 1024, 'HPKE to the new device'), txnId: TxnIdField },
  strict,
);
export const DeviceReply = Type.Object({ device: DeviceIdField });

// POST /v1/sessions/challenge (no login).
export const ChallengeBody = Type.Object({ account: NameField, device: DeviceIdField }, strict);
export const ChallengeReply = Type.Object({
  cluster: ClusterIdField,
  accountId: AccountIdField,
  challenge: bytesField(32, 256, 'Challenge'),
  expiresAt: TimeField,
});
// POST /v1/sessions (no login). The client makes both secrets and sends their hashes.
export const SessionBody = Type.Object(
  {
    account: NameField,
    device: DeviceIdField,
    origin: Type.String({ maxLength: 256, description: 'The URL the client believes it talks to; it is signed.' }),
    challenge: bytesField(32, 256, 'Challenge'),
    accessHash: Hash32,
    refreshHash: Hash32,
    signature: Signature64,
    txnId: TxnIdField,
  },
  strict,
);
export const SessionReply = Type.Object({
  session: SessionIdField,
  accessExpiresAt: TimeField,
  expiresAt: TimeField,
});
// POST /v1/sessions/refresh (no login). Spends a refresh secret; an identical retry repeats the result.
export const RefreshBody = Type.Object(
  {
    session: SessionIdField,
    refreshSecret: bytesField(32, 32, 'The secret whose hash was announced'),
    accessHash: Hash32,
    refreshHash: Hash32,
    txnId: TxnIdField,
  },
  strict,
);
// DELETE /v1/sessions/{session} answers which one it was.
export const SessionEndReply = Type.Object({ session: SessionIdField });
// GET /v1/sessions (login), DELETE /v1/sessions/{session} (login; `current` is one's own).
export const SessionsReply = Type.Object({
  sessions: Type.Array(
    Type.Object({
      session: SessionIdField,
      device: DeviceIdField,
      createdAt: TimeField,
      expiresAt: TimeField,
      current: Type.Boolean(),
    }),
  ),
});

export const RoomKind = Type.Union([Type.Literal('direct'), Type.Literal('group'), Type.Literal('open')], {
  description: 'What is written in open rooms is not end-to-end encrypted; everybody finds and joins them.',
});
// POST /v1/rooms (login). For a direct room `members` holds the one other account; it exists once, whoever asks.
export const RoomCreateBody = Type.Object(
  {
    kind: RoomKind,
    members: Type.Array(AccountIdField, { maxItems: LIMITS.membersPerCommandMax }),
    sealedMeta: Type.Optional(EnvelopeField),
    txnId: TxnIdField,
  },
  strict,
);
export const RoomReply = Type.Object({ room: RoomIdField, cursor: CursorField });

export const RoleJson = Type.Union([Type.Literal('owner'), Type.Literal('admin'), Type.Literal('member')]);
export const TtlField = Type.Integer({
  minimum: 0,
  maximum: LIMITS.messageTtlMsMax,
  description: 'What is written disappears after so many milliseconds; 0 for never.',
});
export const RoomSummary = Type.Object({
  room: RoomIdField,
  kind: RoomKind,
  lastSeq: SeqField,
  /** The first message that the own account may read has at least this number. */
  joinedSeq: SeqField,
  memberCount: Type.Integer({ minimum: 0 }),
  /** Of the own account. */
  role: RoleJson,
  archived: Type.Boolean(),
  /** Up to where the own account has read, and how many messages stand behind that. */
  read: SeqField,
  unread: Type.Integer({ minimum: 0 }),
  messageTtlMs: TtlField,
  /** The shorter one of the room's and the server's. */
  retentionMs: RetentionField,
  /** For direct rooms: the other account. */
  peer: Type.Optional(Type.Object({ account: NameField, accountId: AccountIdField })),
  sealedMeta: Type.Optional(EnvelopeField),
  /** For open rooms: who gave it its name. */
  namedBy: Type.Optional(NameField),
});
// GET /v1/rooms?after=&limit= (login).
export const RoomsReply = Type.Object({ rooms: Type.Array(RoomSummary), next: Type.Union([RoomIdField, Type.Null()]) });
// GET /v1/rooms/{room} (login): with the roster to encrypt for.
export const MemberJson = Type.Object({
  account: NameField,
  accountId: AccountIdField,
  role: RoleJson,
  joinedSeq: SeqField,
  /** Until when this member may not write; null for who may. */
  mutedUntil: Type.Union([TimeField, Type.Null()]),
  userKey: Key32,
  devices: Type.Array(DeviceJson),
});
export const PinJson = Type.Object({ seq: SeqField, by: NameField, at: TimeField });
export const RoomDetail = Type.Composite([
  RoomSummary,
  Type.Object({
    rosterVersion: Type.Integer({ minimum: 0 }),
    members: Type.Array(MemberJson, { description: 'All of them; of an open room none: they have pages.' }),
    pins: Type.Array(PinJson),
    cursor: CursorField,
  }),
]);

// PATCH /v1/rooms/{room} (login): one change at a time.
export const RoomPatchBody = Type.Object(
  {
    sealedMeta: Type.Optional({
      ...EnvelopeField,
      description: 'The name and topic, sealed for the current devices (base64url without padding)',
    }),
    messageTtlMs: Type.Optional(TtlField),
    retentionMs: Type.Optional(RetentionField),
    archived: Type.Optional(Type.Boolean({ description: 'Nothing more is written in an archived room.' })),
    txnId: TxnIdField,
  },
  { ...strict, minProperties: 2, maxProperties: 2 },
);
// PATCH /v1/rooms/{room}/members/{name} (login): one change at a time.
export const MemberPatchBody = Type.Object(
  {
    role: Type.Optional(RoleJson),
    mutedForMs: Type.Optional(
      Type.Integer({ minimum: 0, maximum: LIMITS.messageTtlMsMax, description: '0 lets the member write again.' }),
    ),
    txnId: TxnIdField,
  },
  { ...strict, minProperties: 2, maxProperties: 2 },
);
// PUT /v1/rooms/{room}/pins/{seq} (login); DELETE unpins (query txnId=).
export const PinBody = Type.Object({ txnId: TxnIdField }, strict);
// PUT /v1/rooms/{room}/receipts (login). Cumulative: what is behind the markers stays as it is.
export const ReceiptBody = Type.Object(
  { delivered: Type.Optional(SeqField), read: Type.Optional(SeqField) },
  { ...strict, minProperties: 1 },
);
// GET /v1/rooms/{room}/receipts?after=&limit= (login).
export const ReceiptsReply = Type.Object({
  receipts: Type.Array(
    Type.Object({
      account: NameField,
      accountId: AccountIdField,
      delivered: SeqField,
      read: SeqField,
      at: TimeField,
    }),
  ),
  next: Type.Union([AccountIdField, Type.Null()]),
});
// PUT /v1/receipts/sharing (login): whether others see how far the own account has read.
export const ReceiptSharingBody = Type.Object({ share: Type.Boolean(), txnId: TxnIdField }, strict);
export const ReceiptSharingReply = Type.Object({ share: Type.Boolean(), cursor: CursorField });
// POST /v1/rooms/{room}/links (login). The client draws the secret and sends its hash.
export const LinkBody = Type.Object(
  {
    secretHash: Hash32,
    ttlMs: Type.Integer({ minimum: 60_000, maximum: LIMITS.linkTtlMsMax }),
    usesMax: Type.Integer({ minimum: 1, maximum: LIMITS.linkUsesMax }),
    txnId: TxnIdField,
  },
  strict,
);
export const LinkReply = Type.Object({ room: RoomIdField, expiresAt: TimeField, cursor: CursorField });
// GET /v1/rooms/{room}/links (login). DELETE /v1/rooms/{room}/links/{secretHash} revokes (query txnId=).
export const LinksReply = Type.Object({
  links: Type.Array(
    Type.Object({
      secretHash: Hash32,
      by: NameField,
      expiresAt: TimeField,
      usesLeft: Type.Integer({ minimum: 1 }),
    }),
  ),
});
// POST /v1/rooms/{room}/join (login).
export const JoinBody = Type.Object(
  {
    secret: Type.Optional(bytesField(16, 64, 'The secret of a link; an open room needs none')),
    txnId: TxnIdField,
  },
  strict,
);
// PUT /v1/rooms/{room}/members/{name} (login); DELETE removes (query txnId=).
export const MemberPutBody = Type.Object({ sealedMeta: Type.Optional(EnvelopeField), txnId: TxnIdField }, strict);

// PUT /v1/rooms/{room}/messages/{txnId} (login).
export const SendBody = Type.Object({ envelope: EnvelopeField }, strict);
export const SendReply = Type.Object({
  room: RoomIdField,
  seq: SeqField,
  id: Type.String(),
  sentAt: TimeField,
  cursor: CursorField,
});

// PUT /v1/rooms/{room}/deletions/{txnId} (login).
export const DeletionBody = Type.Object(
  { seq: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }) },
  strict,
);
export const DeletionReply = Type.Object({
  room: RoomIdField,
  seqs: Type.Array(SeqField, { description: 'Everything that is gone with it: the message, its edits and reactions.' }),
  cursor: CursorField,
});

export const GoneReason = Type.Union(
  GONE_REASONS.map((reason) => Type.Literal(reason)),
  {
    description: 'Why there is no envelope at this place any more.',
  },
);
/** Either the envelope, or why it is gone. */
export const MessageJson = Type.Object({
  room: RoomIdField,
  seq: SeqField,
  id: Type.String(),
  from: NameField,
  fromId: AccountIdField,
  device: DeviceIdField,
  sentAt: TimeField,
  envelope: Type.Optional(EnvelopeField),
  gone: Type.Optional(GoneReason),
});
// GET /v1/rooms/{room}/messages?after=|before=&limit=&cursor=&consistency=local|linearizable (login). Ascending.
export const MessagesReply = Type.Object({ messages: Type.Array(MessageJson), lastSeq: SeqField, cursor: CursorField });

export const RegistrationField = Type.Union(REGISTRATION_POLICIES.map((policy) => Type.Literal(policy)));
// GET /v1/cluster (open to clients).
export const ClusterReply = Type.Object({
  clusterId: Type.Union([ClusterIdField, Type.Null()]),
  node: Type.String(),
  leader: Type.Union([Type.String(), Type.Null()]),
  term: Type.Integer(),
  registration: RegistrationField,
  nodes: Type.Array(
    Type.Object({
      id: Type.String(),
      url: Type.Union([Type.String(), Type.Null()]),
      up: Type.Boolean(),
      load: Type.Union([
        Type.Object({ sockets: Type.Integer(), messagesPerSecond: Type.Number(), eventLoopLagMs: Type.Number() }),
        Type.Null(),
      ]),
    }),
  ),
});

const NodeRole = Type.Union([
  Type.Literal('leader'),
  Type.Literal('follower'),
  Type.Literal('candidate'),
  Type.Literal('precandidate'),
  Type.Literal('learner'),
  Type.Literal('repairing'),
  Type.Null(),
]);
const OrNull = <T extends ReturnType<typeof Type.Integer> | ReturnType<typeof Type.String>>(schema: T) =>
  Type.Union([schema, Type.Null()]);
// GET /v1/admin/status (admin token): what `chatctl status --json` prints.
export const StatusReply = Type.Object({
  clusterId: OrNull(Type.String()),
  healthy: Type.Boolean(),
  leader: OrNull(Type.String()),
  term: Type.Integer(),
  commitIndex: Type.Integer(),
  quorum: Type.Object({ voters: Type.Integer(), needed: Type.Integer(), faultTolerance: Type.Integer() }),
  nodes: Type.Array(
    Type.Object({
      id: Type.String(),
      role: NodeRole,
      voter: Type.Boolean(),
      up: Type.Boolean(),
      term: OrNull(Type.Integer()),
      lastIndex: OrNull(Type.Integer()),
      commitIndex: OrNull(Type.Integer()),
      appliedIndex: OrNull(Type.Integer()),
      lag: OrNull(Type.Integer()),
      api: OrNull(Type.String()),
      pid: OrNull(Type.Integer()),
      natsPid: OrNull(Type.Integer()),
      version: OrNull(Type.String()),
      uptimeMs: OrNull(Type.Integer()),
      sockets: OrNull(Type.Integer()),
      stateHash: OrNull(Type.String()),
      stateHashIndex: OrNull(Type.Integer()),
      /** Since all that a node has on disk was last read and found to be sound. */
      verifiedAgoMs: OrNull(Type.Integer()),
      /** Why a node is up without serving or voting, in one sentence. */
      problem: OrNull(Type.String()),
      diskFreeBytes: OrNull(Type.Integer()),
      /** Takes no commands, but follows, votes and answers reads. */
      diskLow: Type.Boolean(),
    }),
  ),
});
// POST /v1/admin/invites.
export const InviteBody = Type.Object(
  { ttlMs: Type.Integer({ minimum: 60_000, maximum: LIMITS.inviteTtlMsMax }), txnId: TxnIdField },
  strict,
);
// GET /v1/admin/state-hashes?rows= (admin token). Of this node alone.
export const StateHashesReply = Type.Object({
  /** Ascending by index; the last one is as of now. */
  hashes: Type.Array(Type.Object({ index: SeqField, hash: Type.String() })),
  /** With rows=true: what the rows on disk give, against what was kept up. */
  rows: Type.Union([
    Type.Object({ index: SeqField, hash: Type.String(), recomputed: Type.String(), count: Type.Integer() }),
    Type.Null(),
  ]),
});
// POST /v1/admin/compact (admin token). Of this node alone.
export const CompactReply = Type.Object({
  /** The state is on disk up to here. */
  durableIndex: SeqField,
  /** What is left of the log begins here. */
  firstIndex: SeqField,
});
// GET and POST /v1/admin/disk-keys (admin token). Of this node alone: under what its disk is sealed.
export const DiskKeysReply = Type.Object({
  /** Of the data keys: grows by one with each rotation. */
  generation: Type.Integer(),
  ageMs: Type.Number(),
  /** At most so many rows were sealed under it. */
  sealedRows: Type.Integer(),
  /** Older generations, which are destroyed once everything is sealed anew. */
  retiring: Type.Array(Type.Integer()),
  /** What is being sealed anew right now. */
  resealing: Type.Union([Type.String(), Type.Null()]),
  /** Name of the wrapping key. */
  wrappedBy: Type.String(),
});
// POST /v1/admin/members (admin token).
export const MembersBody = Type.Object(
  {
    verb: Type.Union([Type.Literal('add'), Type.Literal('promote'), Type.Literal('remove'), Type.Literal('replace')]),
    node: NodeNameField,
    txnId: Type.Optional(TxnIdField),
  },
  strict,
);
// POST /v1/admin/leader (admin token).
export const LeaderBody = Type.Object(
  { to: Type.Union([NodeNameField, Type.Null()]), txnId: Type.Optional(TxnIdField) },
  strict,
);
export const LeaderReply = Type.Object({ leader: NodeNameField });
export const InviteReply = Type.Object({ invite: Type.String(), expiresAt: TimeField });

export type SessionJson = Static<typeof SessionsReply>['sessions'][number];
export type ProblemJson = Static<typeof Problem>;
export type StatusJson = Static<typeof StatusReply>;
export type StateHashesJson = Static<typeof StateHashesReply>;
export type CompactJson = Static<typeof CompactReply>;
export type DiskKeysJson = Static<typeof DiskKeysReply>;
export type ClusterJson = Static<typeof ClusterReply>;
export type AccountJsonT = Static<typeof AccountJson>;
export type RoomDetailJson = Static<typeof RoomDetail>;
export type RoomSummaryJson = Static<typeof RoomSummary>;
export type MessageJsonT = Static<typeof MessageJson>;
