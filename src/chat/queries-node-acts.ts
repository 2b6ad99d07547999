import { sha256 } from '@noble/hashes/sha2.js';
import { encodeCommandBody } from '../protocol/command-codec.ts';
import { checkTxnTime } from './dedupe.ts';
import { KEYS } from './keys.ts';
import { unpack } from './pack.ts';
import { sameBytes } from './roster.ts';
import type { NodeAct } from '../protocol/audit.ts';
import type { CommandValues } from '../protocol/commands.ts';
import type { DeviceId, NodeName, StampMs, TxnId } from '../protocol/ids.ts';
import type { Rejection } from './results.ts';
import type { StateReader } from './ports.ts';

/** Whose act it was, and what names it. */
interface NodeActKey {
  /** Null: of somebody with an admin token. */
  readonly device: DeviceId | null;
  readonly txnId: TxnId;
}

/**
 * What was noted under a txnId.
 *
 * @returns the node that it was about, null when something else was done under it, undefined for nothing
 */
export function notedNodeAct(
  reader: StateReader,
  { device, txnId }: NodeActKey,
  act: NodeAct,
): NodeName | null | undefined {
  const recorded = reader.get(KEYS.txn(device ?? 'cluster', 'audit.node-act', txnId));
  if (recorded === undefined) return undefined;
  const [, hash, { node }] = unpack(recorded) as [number, Uint8Array, CommandValues['audit.node-act']];
  return sameBytes(hash, sha256(encodeCommandBody('audit.node-act', { act, node }))) ? node : null;
}

/** As `apply()` would refuse it: to be known before what cannot be undone. */
export function refusalOfTxn(stampMs: StampMs, txnId: TxnId): Rejection | undefined {
  return checkTxnTime({ stampMs }, txnId);
}
