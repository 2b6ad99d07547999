import type { PresenceChoiceT } from '../../protocol/http/presence.ts';
import type { AccountId } from '../../protocol/ids.ts';

/** What one node knows of one account that has, or had, live feeds there. */
export interface PresenceRow {
  readonly account: AccountId;
  readonly status: PresenceChoiceT | 'offline';
  /** When it was last seen, for who is not to be seen now; milliseconds since the epoch. */
  readonly seenMs: number | null;
}

/** An account as its feeds on all nodes together make it. */
export interface Presence {
  readonly status: PresenceRow['status'];
  readonly seenMs: number | null;
}

/** Whoever wants to be invisible is so everywhere; what is said on purpose comes before what goes without saying. */
const ORDER: readonly PresenceRow['status'][] = ['invisible', 'busy', 'online', 'away', 'offline'];

export const strongest = (statuses: Iterable<PresenceRow['status']>): PresenceRow['status'] =>
  [...statuses].reduce((best, one) => (ORDER.indexOf(one) < ORDER.indexOf(best) ? one : best), 'offline');

export const isSeen = (status: PresenceRow['status']): boolean => status !== 'offline' && status !== 'invisible';

export function mergePresence(rows: readonly Omit<PresenceRow, 'account'>[]): Presence {
  const status = strongest(rows.map((row) => row.status));
  if (isSeen(status)) return { status, seenMs: null };
  // Where somebody is to be seen by a node that does not know better tells nothing of who is invisible.
  const hidden = rows.filter((row) => row.status === status).map(({ seenMs }) => seenMs ?? 0);
  const seenMs = Math.max(0, ...hidden);
  return { status, seenMs: seenMs === 0 ? null : seenMs };
}
