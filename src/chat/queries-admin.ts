import { addressBansCodec, banCodec, policyCodec, serverAdminsCodec } from './admin-rows.ts';
import { afterPrefix, KEYS } from './keys.ts';
import { readRow } from './queries-rows.ts';
import { countCodec } from './rows.ts';
import type { AddressRange } from '../protocol/address-range.ts';
import type { RegistrationPolicy } from '../protocol/commands.ts';
import type { AccountId, StampMs } from '../protocol/ids.ts';
import type { AddressBan, BanRow } from './admin-rows.ts';
import type { StateReader } from './ports.ts';

export interface BanInfo extends BanRow {
  readonly account: AccountId;
}

export type AddressBanInfo = AddressBan;

/** Undefined until somebody has set one. */
export function registrationPolicy(reader: StateReader): RegistrationPolicy | undefined {
  return readRow(reader, KEYS.registration, policyCodec);
}

/** In the order in which they were made admins. */
export function serverAdmins(reader: StateReader): readonly AccountId[] {
  return readRow(reader, KEYS.serverAdmins, serverAdminsCodec) ?? [];
}

/** Undefined for who is not banned at `stampMs`. */
export function banOf(reader: StateReader, account: AccountId, stampMs: StampMs): BanInfo | undefined {
  const row = readRow(reader, KEYS.ban(account), banCodec);
  return row === undefined || !stands(row, stampMs) ? undefined : { account, ...row };
}

/**
 * Who is banned at `stampMs`, in the order of account ids; a page may be short before the end.
 *
 * @returns `next`: what to pass as `after` for the next page, null at the end
 */
export async function bansPage(
  reader: StateReader,
  stampMs: StampMs,
  page: { readonly after?: AccountId; readonly limit: number },
): Promise<{ readonly bans: readonly BanInfo[]; readonly next: AccountId | null }> {
  const prefix = KEYS.ban('');
  const gte = page.after === undefined ? prefix : `${KEYS.ban(page.after)}\0`;
  const rows = await reader.range({ gte, lt: afterPrefix(prefix), limit: page.limit + 1 });
  const all = rows.map(([key, bytes]): BanInfo => {
    return { account: key.slice(prefix.length) as AccountId, ...banCodec.decode(bytes) };
  });
  const shown = all.slice(0, page.limit);
  const next = all.length > page.limit ? (shown.at(-1)?.account ?? null) : null;
  return { bans: shown.filter((ban) => stands(ban, stampMs)), next };
}

/** Changes whenever the banned addresses do. */
export function addressBansVersion(reader: StateReader): number {
  return readRow(reader, KEYS.addressBansVersion, countCodec) ?? 0;
}

/** All of them, also those whose time is over and that are not swept yet; in the order of their text. */
export function addressBans(reader: StateReader): readonly AddressBan[] {
  return readRow(reader, KEYS.addressBans, addressBansCodec) ?? [];
}

/**
 * The addresses that are banned at `stampMs`, in the order of their text.
 *
 * @returns `next`: what to pass as `after` for the next page, null at the end
 */
export function addressBansPage(
  reader: StateReader,
  stampMs: StampMs,
  { after, limit }: { readonly after?: AddressRange; readonly limit: number },
): { readonly bans: readonly AddressBan[]; readonly next: AddressRange | null } {
  const all = addressBans(reader).filter((ban) => stands(ban, stampMs) && (after === undefined || ban.range > after));
  const bans = all.slice(0, limit);
  return { bans, next: all.length > limit ? bans.at(-1)!.range : null };
}

const stands = ({ until }: BanRow, stampMs: StampMs): boolean => until === null || until > stampMs;
