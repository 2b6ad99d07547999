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

/**
 * What the operating system says when it cannot serve us now, as an error code of Node or in the words that LevelDB
 * passes on: nothing is known about the data then.
 */
const REFUSALS = [
  /\b(EACCES|EPERM|EMFILE|ENFILE|ENOMEM|ENOSPC|EDQUOT|EFBIG|EROFS)\b/,
  /Permission denied|Operation not permitted|Too many open files|Cannot allocate memory/,
  /No space left on device|Disk quota exceeded|File too large|Read-only file system/,
];

export function isRefusal(error: unknown): boolean {
  const message = messageOf(error);
  return REFUSALS.some((words) => words.test(message));
}

const OUT_OF_SPACE = /\b(ENOSPC|EDQUOT|EFBIG)\b|No space left on device|Disk quota exceeded|File too large/;

export function isOutOfSpace(error: unknown): boolean {
  return OUT_OF_SPACE.test(messageOf(error));
}

/** What an error that came while a part was opened or read means: damage, unless the system refused its service. */
export function damageUnlessRefused(part: DamagedPart, where: string, error: unknown): ParleyError {
  const reason = messageOf(error);
  if (!isRefusal(error)) return damaged(part, where, reason, error);
  return new ParleyError('internal', `The ${part} of this node cannot be used now: ${reason}`, { cause: error });
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
