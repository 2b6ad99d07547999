import { decodeContent } from '../protocol/content.ts';
import { messageIdOf } from '../protocol/ids.ts';
import { txnTimeMs } from '../protocol/txn-id.ts';
import type { DeviceId, MessageId, RoomId, TxnId } from '../protocol/ids.ts';
import type { Content } from '../protocol/content.ts';
import type { OutboxRow } from './rows.ts';

/** Something of one's own that no node has acknowledged yet. */
export interface PendingMessage {
  readonly txnId: TxnId;
  /** The one it has once it is sent. */
  readonly id: MessageId;
  readonly room: RoomId;
  /** When it was written, by the clock of this machine. */
  readonly writtenAtMs: number;
  readonly content: Exclude<Content, { readonly type: 'room-meta' }>;
  /** The message that it edits or reacts to. */
  readonly about: number | null;
}

/** What stands in the outbox, as people see it. */
export function pendingIn(row: OutboxRow, device: DeviceId): PendingMessage | null {
  const decoded = decodeContent(row.content);
  if (!decoded.ok || decoded.content.type === 'room-meta') return null;
  return {
    txnId: row.txnId,
    id: messageIdOf(row.txnId, device),
    room: row.room,
    writtenAtMs: txnTimeMs(row.txnId),
    content: decoded.content,
    about: row.extensions?.relation?.seq ?? null,
  };
}
