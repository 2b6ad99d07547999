import { whyNotBannable } from '../protocol/address-range.ts';
import { LIMITS } from '../protocol/limits.ts';
import { audit } from './audit.ts';
import { KEYS } from './keys.ts';
import { accept, reject } from './results.ts';
import { checkAdmin } from './server-admin.ts';
import type { AddressRange } from '../protocol/address-range.ts';
import type { StampMs } from '../protocol/ids.ts';
import type { AddressBan } from './admin-rows.ts';
import type { Handler } from './results.ts';
import type { Work } from './work.ts';

/**
 * Addresses that nobody is served from. The state only says which they are; every node refuses them as soon as it has
 * applied that. Banning a range anew changes reason and end.
 */
export const banAddress: Handler<'address.ban'> = (work, command) => {
  const refusal = checkAdmin(work, command);
  if (refusal !== undefined) return refusal;
  const { range, reason, forMs } = command.body;
  const why = whyNotBannable(range);
  if (why !== undefined) return reject('invalid_field', why, { field: 'range' });
  const others = standing(work).filter((ban) => ban.range !== range);
  if (others.length >= LIMITS.addressBansMax) {
    return reject('too_many', `At most ${LIMITS.addressBansMax} addresses and ranges are banned at a time.`);
  }
  const until = forMs === null ? null : ((work.stampMs + forMs) as StampMs);
  const ban: AddressBan = { range, by: command.actor?.account ?? null, reason, at: work.stampMs, until };
  change(work, inOrder([...others, ban]));
  audit(work, 'address.banned', { value: reason === '' ? range : `${range}: ${reason}` });
  return accept<'address.ban'>({ range, until });
};

export const unbanAddress: Handler<'address.unban'> = (work, command) => {
  const refusal = checkAdmin(work, command);
  if (refusal !== undefined) return refusal;
  const { range } = command.body;
  const bans = standing(work);
  const others = bans.filter((ban) => ban.range !== range);
  if (others.length === bans.length) return reject('not_banned', `${range} is not banned, as a range of its own.`);
  change(work, others);
  audit(work, 'address.unbanned', { value: range });
  return accept<'address.unban'>({ range });
};

/** @returns how many are gone: their time is over */
export function expireAddressBans(work: Work): number {
  const before = stored(work).length;
  const left = standing(work);
  if (left.length < before) change(work, left);
  return before - left.length;
}

const stored = (work: Work): readonly AddressBan[] => work.addressBans.get('all') ?? [];

/** Bans end by the leader's time, whether they were swept or not. */
function standing(work: Work): readonly AddressBan[] {
  return stored(work).filter(({ until }) => until === null || until > work.stampMs);
}

function inOrder(bans: readonly AddressBan[]): readonly AddressBan[] {
  const order = (a: AddressRange, b: AddressRange): number => (a < b ? -1 : Number(a > b));
  return bans.toSorted((a, b) => order(a.range, b.range));
}

/** Several may end at the same time: the index has one row for it, as long as there is one of them. */
function change(work: Work, bans: readonly AddressBan[]): void {
  const ends = endsOf(bans);
  for (const end of endsOf(stored(work))) if (!ends.has(end)) work.cancelExpiry(end, KEYS.addressBans);
  for (const end of ends) work.expireAt(end, KEYS.addressBans);
  if (bans.length === 0) work.addressBans.delete('all');
  else work.addressBans.put('all', bans);
  work.addressBansVersion.put('all', (work.addressBansVersion.get('all') ?? 0) + 1);
}

function endsOf(bans: readonly AddressBan[]): ReadonlySet<StampMs> {
  return new Set(bans.flatMap(({ until }) => until ?? []));
}
