import { KEYS } from './keys.ts';
import { accept } from './results.ts';
import { searchKeysOf } from './search-words.ts';
import { checkActor } from './sessions.ts';
import type { AccountId } from '../protocol/ids.ts';
import type { Handler } from './results.ts';
import type { Work } from './work.ts';

const NOTHING = new Uint8Array(0);

/** What is not given stays. */
export const setProfile: Handler<'profile.set'> = (work, { actor, body }) => {
  const refusal = checkActor(work, actor);
  if (refusal !== undefined) return refusal;
  const { account } = actor!;
  const before = work.profiles.get(account);
  const displayName = body.displayName ?? before?.displayName ?? '';
  const status = body.status ?? before?.status ?? '';
  if (displayName === before?.displayName && status === before.status) return accept<'profile.set'>({ account });
  if (before !== undefined) unlist(work, account, before.displayName);
  for (const key of searchKeysOf(displayName)) work.view.put(KEYS.displayName(key, account), NOTHING);
  work.profiles.put(account, { displayName, status, changedAt: work.stampMs });
  work.emit({ kind: 'profile-changed', account, at: work.stampMs }, account);
  return accept<'profile.set'>({ account });
};

/** Nothing is left of it, nor found by it. */
export function dropProfile(work: Work, account: AccountId): void {
  const row = work.profiles.get(account);
  if (row === undefined) return;
  unlist(work, account, row.displayName);
  work.profiles.delete(account);
}

function unlist(work: Work, account: AccountId, displayName: string): void {
  for (const key of searchKeysOf(displayName)) work.view.delete(KEYS.displayName(key, account));
}
