import { sha256 } from '@noble/hashes/sha2.js';
import { encodeCommandBody } from '../protocol/command-codec.ts';
import { messageIdOf } from '../protocol/ids.ts';
import { LIMITS } from '../protocol/limits.ts';
import { txnTimeMs } from '../protocol/txn-id.ts';
import { KEYS } from './keys.ts';
import { pack, unpack } from './pack.ts';
import { accept, reject } from './results.ts';
import { sameBytes } from './roster.ts';
import type { Actor, CommandKind, CommandOf, CommandResult, CommandValues } from '../protocol/commands.ts';
import type { RoomId, Seq, StampMs, TxnId } from '../protocol/ids.ts';
import type { Handler, Rejection } from './results.ts';
import type { Work } from './work.ts';

/**
 * Exactly once: the result of a command is a row under (principal, scope, txnId), and a retry gets that result
 * before anything else is looked at. Rejections are never recorded. A record lives for `LIMITS.txnWindowMs` from the
 * later of the client's time in the txnId and the leader's when it was applied; by then the txnId itself is refused
 * as too old, so a record that was removed cannot be made anew.
 */

/** Whose message it is: a device, or a webhook. */
export type Author = Pick<Actor, 'account' | 'device'>;

/** @returns the original result, a rejection because the content differs, or undefined for a new command */
export function findSent(
  work: Work,
  sent: { readonly actor: Author; readonly room: RoomId; readonly txnId: TxnId; readonly contentTag: Uint8Array },
): CommandResult<'message.send'> | undefined {
  const { actor, room, txnId } = sent;
  // A device makes its txnIds in order, so the usual new message needs no search for a record that is not there.
  const greatest = work.deviceTxns.get(actor.device);
  if (greatest === undefined || txnId > greatest) return undefined;
  const bytes = work.view.get(KEYS.txn(actor.device, room, txnId));
  if (bytes === undefined) return undefined;
  const [, contentTag, seq, sentAt, index] = unpack(bytes) as [number, Uint8Array, Seq, StampMs, number];
  if (!sameBytes(contentTag, sent.contentTag)) return reject('txn_reused');
  return accept<'message.send'>({ room, seq, id: messageIdOf(txnId, actor.device), sentAt, index });
}

export function recordSent(
  work: Work,
  sent: { readonly actor: Author; readonly txnId: TxnId; readonly contentTag: Uint8Array },
  value: CommandValues['message.send'],
): void {
  const { actor, txnId, contentTag } = sent;
  const key = KEYS.txn(actor.device, value.room, txnId);
  work.view.put(key, pack([1, contentTag, value.seq, value.sentAt, value.index]));
  work.rememberTxn(key, expiryOf(work, txnId));
  const greatest = work.deviceTxns.get(actor.device);
  if (greatest === undefined || txnId > greatest) work.deviceTxns.put(actor.device, txnId);
}

/** Makes a handler exactly-once for retries with the same body; another body under the same txnId is refused. */
export function deduped<K extends CommandKind>(
  principalOf: (command: CommandOf<K>) => string,
  handler: Handler<K>,
): Handler<K> {
  return (work, command) => {
    const key = KEYS.txn(principalOf(command), command.kind, command.txnId);
    const bodyHash = sha256(encodeCommandBody(command.kind, command.body));
    const recorded = work.view.get(key);
    if (recorded !== undefined) {
      const [, hash, value] = unpack(recorded) as [number, Uint8Array, CommandValues[K]];
      return sameBytes(hash, bodyHash) ? accept(value) : reject('txn_reused');
    }
    const refusal = checkTxnTime(work, command.txnId);
    if (refusal !== undefined) return refusal;
    const result = handler(work, command);
    if (result.ok) {
      work.view.put(key, pack([1, bodyHash, result.value]));
      work.rememberTxn(key, expiryOf(work, command.txnId));
    }
    return result;
  };
}

/** Refuses what is too old to be told from a retry, and clocks that would make records live for ever. */
export function checkTxnTime(work: Pick<Work, 'stampMs'>, txnId: TxnId): Rejection | undefined {
  const timeMs = txnTimeMs(txnId);
  if (timeMs + LIMITS.txnWindowMs <= work.stampMs) return reject('txn_expired');
  if (timeMs > work.stampMs + LIMITS.txnFutureMs) return reject('txn_from_future');
  return undefined;
}

function expiryOf(work: Work, txnId: TxnId): number {
  return Math.max(txnTimeMs(txnId), work.stampMs) + LIMITS.txnWindowMs;
}
