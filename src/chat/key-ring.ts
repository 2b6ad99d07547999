import { audit } from './audit.ts';
import { KEYS } from './keys.ts';
import { pack, unpack } from './pack.ts';
import { accept, reject } from './results.ts';
import type { KeyCause } from '../protocol/commands.ts';
import type { StampMs } from '../protocol/ids.ts';
import type { StateView } from './ports.ts';
import type { Handler } from './results.ts';
import type { RowCodec } from './rows.ts';

/**
 * The key that all nodes share for what they broadcast, sealed so that only nodes can open it. Each new one begins an
 * epoch. What is sealed means nothing here: it has its place in the log, that is all.
 */
export interface KeyRingRow {
  /** From 1. */
  readonly epoch: number;
  readonly at: StampMs;
  readonly cause: KeyCause;
  readonly sealed: Uint8Array;
}

const V1 = 1;

export const keyRingCodec: RowCodec<KeyRingRow> = {
  encode: ({ epoch, at, cause, sealed }) => pack([V1, epoch, at, cause, sealed]),
  decode: (bytes) => {
    const [, epoch, at, cause, sealed] = unpack(bytes) as [number, number, StampMs, KeyCause, Uint8Array];
    return { epoch, at, cause, sealed };
  },
};

export function keyRing(view: Pick<StateView, 'get'>): KeyRingRow | undefined {
  const bytes = view.get(KEYS.keyRing);
  return bytes === undefined ? undefined : keyRingCodec.decode(bytes);
}

/** Begins an epoch. Whoever takes a node out does so in the same transaction. @returns its number */
export function beginEpoch(view: StateView, begun: Omit<KeyRingRow, 'epoch'>): number {
  const epoch = (keyRing(view)?.epoch ?? 0) + 1;
  view.put(KEYS.keyRing, keyRingCodec.encode({ ...begun, epoch }));
  return epoch;
}

/** The leader's own proposal. One that another key came before changes nothing, so a repetition does not either. */
export const rotateKeys: Handler<'keys.rotate'> = (work, { actor, source, body }) => {
  if (actor !== null || source !== undefined) return reject('forbidden');
  const epoch = keyRing(work.view)?.epoch ?? 0;
  if (epoch !== body.after) return accept<'keys.rotate'>({ epoch });
  const { cause, sealed } = body;
  // What an operator asked for is told by the node that was asked.
  if (cause !== 'asked') audit(work, 'keys.rotated', { value: cause });
  return accept<'keys.rotate'>({ epoch: beginEpoch(work.view, { at: work.stampMs, cause, sealed }) });
};
