import type {
  AccountId,
  AccountName,
  BlobId,
  DeviceId,
  LockName,
  MessageId,
  NodeName,
  RoomId,
  Seq,
  SessionId,
  StampMs,
  TxnId,
} from './ids.ts';
import type { AddressRange } from './address-range.ts';
import type { NodeAct, RequestSource } from './audit.ts';
import type { DeviceRecord } from './device-record.ts';
import type { ErrorCode } from './errors.ts';
import type { LoginCommandBodies, LoginCommandValues } from './login-commands.ts';

/** Version of the command format; an older node refuses a newer command instead of guessing. */
export const COMMAND_VERSION = 1;

/** Who acts. The entry node has authenticated the session; `apply()` checks that it still stands. */
export interface Actor {
  readonly account: AccountId;
  readonly device: DeviceId;
  readonly session: SessionId;
}

/** Cumulative: everything up to these seqs was delivered to a device of the account, and read. */
export interface ReceiptMark {
  readonly account: AccountId;
  readonly room: RoomId;
  readonly delivered: number;
  readonly read: number;
}

/** Attempts that a node refused, gathered by it. */
export interface RefusedLogins {
  /** Null where there is no such account, or none was named. */
  readonly account: AccountId | null;
  /** Code of the last refusal. */
  readonly code: ErrorCode;
  /** Whence the last one came. */
  readonly address: string;
  readonly count: number;
}

/** A message, and what opens the content tag of its envelope. */
export interface RevealedMessage {
  readonly seq: Seq;
  readonly r: Uint8Array;
  /** As its author encoded it. */
  readonly content: Uint8Array;
}

/** Who may register: everybody, who holds an invitation, or nobody. */
export const REGISTRATION_POLICIES = ['open', 'invite', 'closed'] as const;
export type RegistrationPolicy = (typeof REGISTRATION_POLICIES)[number];

/** What is written in open rooms is not encrypted; anybody may find and join them. */
export type RoomKind = 'direct' | 'group' | 'open';

/** What an account may use: in all of what its files take, a day (UTC), and at a time. */
export const QUOTA_KINDS = ['fileBytes', 'messagesPerDay', 'rooms'] as const;
export type QuotaKind = (typeof QUOTA_KINDS)[number];
/** Null where nothing is set. */
export type Quotas = { readonly [K in QuotaKind]: number | null };

/** Why the nodes went over to another key: the first, a regular one, an operator asked, a node was taken out. */
export const KEY_CAUSES = ['founded', 'scheduled', 'asked', 'removal'] as const;
export type KeyCause = (typeof KEY_CAUSES)[number];

export type Role = 'owner' | 'admin' | 'member';

/** What is sent to the log. Every body names all it changes, so that `apply()` needs nothing but the state. */
export interface CommandBodies extends LoginCommandBodies {
  'account.register': {
    readonly name: AccountName;
    readonly userKey: Uint8Array;
    readonly device: DeviceRecord;
    /** SHA-256 of the invitation code, where registration needs one. */
    readonly inviteHash?: Uint8Array;
    /** What the entry node was started with; it counts until the cluster has a policy of its own. */
    readonly policy?: RegistrationPolicy;
  };
  /** A device asks to be enrolled; nobody vouches for it yet. */
  'device.request': {
    readonly account: AccountId;
    readonly device: DeviceId;
    readonly signingKey: Uint8Array;
    readonly sealingKey: Uint8Array;
  };
  /** An enrolled device answers such a request. `sealedUserKey`: HPKE to the new device, opaque to nodes. */
  'device.approve': { readonly record: DeviceRecord; readonly sealedUserKey: Uint8Array };
  'device.revoke': { readonly device: DeviceId };
  'session.create': {
    readonly account: AccountId;
    readonly device: DeviceId;
    readonly challengeId: Uint8Array;
    readonly challengeExpiresAt: StampMs;
    readonly accessHash: Uint8Array;
    readonly refreshHash: Uint8Array;
  };
  'session.refresh': {
    readonly session: SessionId;
    /** SHA-256 of the refresh secret that is spent now. */
    readonly spentHash: Uint8Array;
    readonly accessHash: Uint8Array;
    readonly refreshHash: Uint8Array;
  };
  'session.revoke': { readonly session: SessionId };
  'room.create': {
    readonly kind: RoomKind;
    /** The other members; the actor is one by itself. */
    readonly members: readonly AccountId[];
    /** The room's name and topic, as a message of the room would be; not for direct rooms, needed for open ones. */
    readonly sealedMeta?: Uint8Array;
  };
  'room.add': {
    readonly room: RoomId;
    readonly members: readonly AccountId[];
    /** The name sealed again, for the devices of the new roster too. */
    readonly sealedMeta?: Uint8Array;
  };
  'room.remove': { readonly room: RoomId; readonly member: AccountId };
  'room.set-meta': { readonly room: RoomId; readonly sealedMeta: Uint8Array };
  'room.set-role': { readonly room: RoomId; readonly member: AccountId; readonly role: Role };
  /** 0 lets the member write again. */
  'room.mute': { readonly room: RoomId; readonly member: AccountId; readonly forMs: number };
  'room.archive': { readonly room: RoomId; readonly archived: boolean };
  /** What is written from now on disappears after so long; 0 for never. */
  'room.set-ttl': { readonly room: RoomId; readonly ttlMs: number };
  /** Messages go so long after they were taken; 0 for as long as the server keeps them. */
  'room.set-retention': { readonly room: RoomId; readonly retentionMs: number };
  'room.pin': { readonly room: RoomId; readonly seq: Seq; readonly pinned: boolean };
  /** A link by which people let themselves in; `secretHash`: SHA-256 of its secret. */
  'room.create-link': {
    readonly room: RoomId;
    readonly secretHash: Uint8Array;
    readonly ttlMs: number;
    readonly usesMax: number;
  };
  'room.revoke-link': { readonly room: RoomId; readonly secretHash: Uint8Array };
  /** By a link; without one, into an open room. */
  'room.join': { readonly room: RoomId; readonly secretHash?: Uint8Array };
  /** A webhook into an open room: its name, its public key, and the user key's signature of both. */
  'hook.add': {
    readonly room: RoomId;
    readonly name: string;
    readonly signingKey: Uint8Array;
    readonly signature: Uint8Array;
  };
  'hook.remove': { readonly room: RoomId; readonly hook: DeviceId };
  /** A message of a hook, whose secret the entry node has seen; `formerTxnId`: what the same would have been before. */
  'hook.say': { readonly hook: DeviceId; readonly envelope: Uint8Array; readonly formerTxnId: TxnId };
  'message.send': { readonly room: RoomId; readonly envelope: Uint8Array };
  /** The envelope at this place, and the edits of and reactions to it. */
  'message.delete': { readonly room: RoomId; readonly seq: Seq };
  /**
   * How far accounts have got and read, gathered by the node that they told: what is behind them stays as it is, so
   * that a repetition changes nothing.
   */
  'receipt.mark': { readonly marks: readonly ReceiptMark[] };
  /** Whether others see how far this account has read. */
  'receipt.share': { readonly share: boolean };
  /** An upload begins: the account's room is reserved. `quotaBytes`: what the entry node grants an account. */
  'blob.begin': { readonly blob: BlobId; readonly sizeBytes: number; readonly quotaBytes: number };
  /** A node says that a majority of the voters have the whole of it on their disks. */
  'blob.stored': { readonly blob: BlobId };
  'invite.create': { readonly inviteHash: Uint8Array; readonly ttlMs: number };
  'lock.acquire': {
    readonly name: LockName;
    readonly ttlMs: number;
    /** How long to stand in the queue; 0 for not at all. */
    readonly waitMs: number;
  };
  'lock.renew': { readonly name: LockName; readonly token: number; readonly ttlMs: number };
  /** Without a token: whatever the session has of it, a place in the queue too. */
  'lock.release': { readonly name: LockName; readonly token?: number };
  /** The following are by admins of the server; with no actor by somebody who holds the admin token of a node. */
  'server.set-registration': { readonly policy: RegistrationPolicy };
  'server.set-admin': { readonly account: AccountId; readonly granted: boolean };
  /** In no room do messages stay longer than this; 0 for ever. */
  'server.set-retention': { readonly retentionMs: number };
  /** Of one account, or of all that have none of their own (null). What is not given stays, null is none of its own. */
  'server.set-quotas': { readonly account: AccountId | null; readonly quotas: Partial<Quotas> };
  /** Ends all sessions of the account, and lets it open none. `forMs` null: until it is lifted. */
  'user.ban': { readonly account: AccountId; readonly reason: string; readonly forMs: number | null };
  'user.unban': { readonly account: AccountId };
  /** Nobody is served from there. `forMs` null: until it is lifted. */
  'address.ban': { readonly range: AddressRange; readonly reason: string; readonly forMs: number | null };
  'address.unban': { readonly range: AddressRange };
  'user.set-active': { readonly account: AccountId; readonly active: boolean };
  /** By an admin, or by the account itself. `messages`: what it wrote goes too. */
  'user.delete': { readonly account: AccountId; readonly messages: boolean };
  /** What is not given stays; an empty text is none. */
  'profile.set': { readonly displayName?: string; readonly status?: string };
  'block.set': { readonly account: AccountId; readonly blocked: boolean };
  /** By a member of the room, about a message of it. */
  'report.create': {
    readonly room: RoomId;
    readonly seq: Seq;
    readonly reason: string;
    readonly revealed: readonly RevealedMessage[];
  };
  'report.resolve': { readonly report: number; readonly resolution: string };
  'message.purge': { readonly room: RoomId; readonly seq: Seq };
  'room.purge': { readonly room: RoomId };
  /** Brought in by the node that refused them; commands of one node count in the order of their txnIds. */
  'audit.refused-logins': { readonly refused: readonly RefusedLogins[] };
  /** Of nodes, which no command changes: told when it is done. */
  'audit.node-act': { readonly act: NodeAct; readonly node: NodeName };
  /** A new key for what nodes broadcast, which only they can open; it is to follow the epoch `after`. */
  'keys.rotate': { readonly after: number; readonly cause: KeyCause; readonly sealed: Uint8Array };
  /** Housekeeping proposed by the leader: keys that it found expired; `apply()` checks each one again. */
  'state.sweep': { readonly keys: readonly string[] };
}

export type CommandKind = keyof CommandBodies;

export interface CommandOf<K extends CommandKind> {
  readonly kind: K;
  /** Null where nobody is logged in (registering, logging in) or the cluster itself acts. */
  readonly actor: Actor | null;
  /** Makes a retry the same command. */
  readonly txnId: TxnId;
  readonly body: CommandBodies[K];
  /** Of commands that the audit log tells of. */
  readonly source?: RequestSource;
}

export type Command = { [K in CommandKind]: CommandOf<K> }[CommandKind];

/** What the one who sent a command learns when it is applied. */
export interface CommandValues extends LoginCommandValues {
  'account.register': { readonly account: AccountId; readonly name: AccountName; readonly device: DeviceId };
  'device.request': { readonly device: DeviceId; readonly expiresAt: StampMs };
  'device.approve': { readonly device: DeviceId };
  'device.revoke': { readonly device: DeviceId };
  'session.create': { readonly session: SessionId; readonly accessExpiresAt: StampMs; readonly expiresAt: StampMs };
  'session.refresh': { readonly session: SessionId; readonly accessExpiresAt: StampMs; readonly expiresAt: StampMs };
  'session.revoke': { readonly session: SessionId };
  'room.create': { readonly room: RoomId };
  'room.add': { readonly room: RoomId; readonly added: readonly AccountId[] };
  'room.remove': { readonly room: RoomId };
  'room.set-meta': { readonly room: RoomId };
  'room.set-role': { readonly room: RoomId };
  'room.mute': { readonly room: RoomId };
  'room.archive': { readonly room: RoomId };
  'room.set-ttl': { readonly room: RoomId };
  'room.set-retention': { readonly room: RoomId };
  'room.pin': { readonly room: RoomId };
  'room.create-link': { readonly room: RoomId; readonly expiresAt: StampMs };
  'room.revoke-link': { readonly room: RoomId };
  'room.join': { readonly room: RoomId };
  'hook.add': { readonly room: RoomId; readonly hook: DeviceId };
  'hook.remove': { readonly room: RoomId };
  'hook.say': CommandValues['message.send'];
  'message.send': {
    readonly room: RoomId;
    readonly seq: Seq;
    readonly id: MessageId;
    readonly sentAt: StampMs;
    /** Log index of the first application: becomes the reply's cursor. */
    readonly index: number;
  };
  /** Everything that is gone with it. */
  'message.delete': { readonly room: RoomId; readonly seqs: readonly Seq[] };
  'blob.begin': { readonly blob: BlobId; readonly stored: boolean; readonly expiresAt: StampMs | null };
  'blob.stored': { readonly blob: BlobId; readonly expiresAt: StampMs | null };
  'receipt.mark': { readonly changed: number };
  'receipt.share': { readonly share: boolean };
  'invite.create': { readonly expiresAt: StampMs };
  'lock.acquire': {
    readonly name: LockName;
    readonly state: 'held' | 'waiting';
    /** Null while waiting. */
    readonly token: number | null;
    /** Of the lease; while waiting: of the place in the queue. */
    readonly expiresAt: StampMs;
    /** Place in the queue from 1 on; 0 for the holder. */
    readonly position: number;
  };
  'lock.renew': { readonly name: LockName; readonly token: number; readonly expiresAt: StampMs };
  'lock.release': { readonly name: LockName };
  'server.set-registration': { readonly policy: RegistrationPolicy };
  'server.set-admin': { readonly account: AccountId };
  'server.set-retention': { readonly retentionMs: number };
  'server.set-quotas': { readonly account: AccountId | null };
  'user.ban': { readonly account: AccountId; readonly until: StampMs | null };
  'user.unban': { readonly account: AccountId };
  'address.ban': { readonly range: AddressRange; readonly until: StampMs | null };
  'address.unban': { readonly range: AddressRange };
  'user.set-active': { readonly account: AccountId };
  'user.delete': { readonly account: AccountId };
  'profile.set': { readonly account: AccountId };
  'block.set': { readonly account: AccountId };
  'report.create': { readonly report: number };
  'report.resolve': { readonly report: number };
  'message.purge': { readonly room: RoomId; readonly seqs: readonly Seq[] };
  'room.purge': { readonly room: RoomId };
  'audit.refused-logins': { readonly counted: number };
  'audit.node-act': { readonly node: NodeName };
  'keys.rotate': { readonly epoch: number };
  'state.sweep': { readonly removed: number };
}

export type CommandResult<K extends CommandKind = CommandKind> =
  | { readonly ok: true; readonly value: CommandValues[K] }
  | {
      readonly ok: false;
      readonly code: ErrorCode;
      readonly detail?: string;
      /** For `stale_devices`: `{rosterVersion, missing, extra}`; else particulars of the code. */
      readonly data?: Readonly<Record<string, unknown>>;
    };
