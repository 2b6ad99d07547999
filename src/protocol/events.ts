import type { Role, RoomKind } from './commands.ts';
import type { AccountId, AccountName, DeviceId, LockName, MessageId, RoomId, Seq, SessionId, StampMs } from './ids.ts';

/** Why nothing stands at a place any more: its author or a moderator of the room, its time, an admin of the server. */
export const GONE_REASONS = ['deleted', 'expired', 'purged'] as const;
export type GoneReason = (typeof GONE_REASONS)[number];

/**
 * What an applied command means to those who watch. Every node derives the same events from the same log; each
 * hands them to its own sockets.
 */
export type ChatEvent =
  | {
      readonly kind: 'message';
      readonly room: RoomId;
      readonly seq: Seq;
      readonly id: MessageId;
      readonly from: AccountId;
      readonly fromName: AccountName;
      readonly device: DeviceId;
      readonly sentAt: StampMs;
      /** Empty when it is gone. */
      readonly envelope: Uint8Array;
      /** Why nothing stands at this place any more: what is replayed is as it is now. */
      readonly gone: GoneReason | null;
    }
  /** Envelopes are gone; their places stay. */
  | {
      readonly kind: 'messages-gone';
      readonly room: RoomId;
      readonly seqs: readonly Seq[];
      readonly reason: GoneReason;
      /** Null when their time was over, and for an operator. */
      readonly by: AccountId | null;
      readonly at: StampMs;
    }
  | {
      readonly kind: 'room-created';
      readonly room: RoomId;
      readonly roomKind: RoomKind;
      readonly members: readonly AccountId[];
      readonly by: AccountId;
      readonly at: StampMs;
    }
  | {
      readonly kind: 'members-added' | 'member-removed';
      readonly room: RoomId;
      readonly members: readonly AccountId[];
      readonly by: AccountId;
      readonly at: StampMs;
    }
  /** How a member stands now. */
  | {
      readonly kind: 'member-changed';
      readonly room: RoomId;
      readonly account: AccountId;
      readonly role: Role;
      readonly mutedUntil: StampMs | null;
      readonly by: AccountId;
      readonly at: StampMs;
    }
  | {
      readonly kind: 'room-archived';
      readonly room: RoomId;
      readonly archived: boolean;
      /** Null for an operator. */
      readonly by: AccountId | null;
      readonly at: StampMs;
    }
  /** What is written from now on disappears after so long; 0 for never. */
  | {
      readonly kind: 'room-ttl';
      readonly room: RoomId;
      readonly ttlMs: number;
      readonly by: AccountId;
      readonly at: StampMs;
    }
  | {
      readonly kind: 'pins-changed';
      readonly room: RoomId;
      readonly seq: Seq;
      readonly pinned: boolean;
      readonly by: AccountId;
      readonly at: StampMs;
    }
  /** How far an account has got. Seen live only: who comes back asks for how it stands. */
  | {
      readonly kind: 'receipt';
      readonly room: RoomId;
      readonly account: AccountId;
      readonly delivered: number;
      readonly read: number;
      /** False: for the account's own devices only. */
      readonly shared: boolean;
      readonly at: StampMs;
    }
  | { readonly kind: 'room-meta'; readonly room: RoomId; readonly by: AccountId; readonly at: StampMs }
  /** Seen by the account's own devices and by everyone who shares a room with it. */
  | {
      readonly kind: 'devices-changed';
      readonly account: AccountId;
      readonly device: DeviceId;
      readonly change: 'added' | 'revoked';
      readonly at: StampMs;
    }
  /** Seen by the account's own devices only. */
  | { readonly kind: 'device-requested'; readonly account: AccountId; readonly device: DeviceId; readonly at: StampMs }
  | {
      readonly kind: 'lock-granted';
      readonly account: AccountId;
      readonly session: SessionId;
      readonly name: LockName;
      readonly token: number;
      readonly expiresAt: StampMs;
      readonly at: StampMs;
    }
  | {
      readonly kind: 'lock-lost';
      readonly account: AccountId;
      readonly session: SessionId;
      readonly name: LockName;
      readonly token: number;
      readonly reason: 'expired' | 'session-ended';
      readonly at: StampMs;
    }
  /** Others see it when they ask. */
  | { readonly kind: 'profile-changed'; readonly account: AccountId; readonly at: StampMs }
  | {
      readonly kind: 'block-changed';
      readonly account: AccountId;
      readonly other: AccountId;
      readonly blocked: boolean;
      readonly at: StampMs;
    }
  | { readonly kind: 'session-ended'; readonly account: AccountId; readonly session: SessionId; readonly at: StampMs };

/** One event with its place: `index` is the log index, `order` its position within that entry. */
export interface PlacedEvent {
  readonly index: number;
  readonly order: number;
  readonly event: ChatEvent;
}
