import { ParleyError } from '../../protocol/errors.ts';
import type { DamagedPart, StoreDamage } from './node-store.ts';

/**
 * Damage is data on disk that cannot be what this program wrote: it is reported, never repaired by guessing, and
 * nothing is deleted because of it. The particulars travel in the error's `data`.
 */
export function damaged(part: DamagedPart, where: string, reason: string, cause?: unknown): ParleyError {
  const detail = `The ${part} of this node is damaged (${where}): ${reason}`;
  return new ParleyError('damaged', detail, { cause, data: { part, where, reason } });
}

/** The damage an error tells of; undefined for any other error. */
export function damageOf(error: unknown): StoreDamage | undefined {
  if (!(error instanceof ParleyError) || error.code !== 'damaged') return undefined;
  const { part, where, reason } = error.data;
  if (typeof part !== 'string' || typeof where !== 'string' || typeof reason !== 'string') return undefined;
  return { part: part as DamagedPart, where, reason };
}

/** The message of anything that was thrown, with the messages of its causes. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${messageOf(error.cause)}`;
}
