import { isAccountName } from '../protocol/ids.ts';
import { afterPrefix, KEYS } from './keys.ts';
import { readRow } from './queries-rows.ts';
import { accountCodec, idCodec } from './rows.ts';
import type { DeviceRecord } from '../protocol/device-record.ts';
import type { AccountId, AccountName, StampMs } from '../protocol/ids.ts';
import type { AccountState } from './rows.ts';
import type { StateReader } from './ports.ts';

export interface AccountInfo {
  readonly account: AccountId;
  readonly name: AccountName;
  /** Ed25519, 32 bytes. */
  readonly userKey: Uint8Array;
  readonly createdAt: StampMs;
  /** Enrolled now, in order of enrolment; empty only for who was deleted. */
  readonly devices: readonly DeviceRecord[];
  readonly state: AccountState;
}

const names = idCodec<AccountId>();

export function accountById(reader: StateReader, account: AccountId): AccountInfo | undefined {
  const row = readRow(reader, KEYS.account(account), accountCodec);
  if (row === undefined) return undefined;
  const { name, userKey, createdAt, devices, state } = row;
  return { account, name, userKey, createdAt, devices, state };
}

export function accountByName(reader: StateReader, name: string): AccountInfo | undefined {
  const account = accountIdByName(reader, name);
  return account === undefined ? undefined : accountById(reader, account);
}

export function accountIdByName(reader: StateReader, name: string): AccountId | undefined {
  return isAccountName(name) ? readRow(reader, KEYS.name(name), names) : undefined;
}

/** @returns undefined for an unknown account; a name never changes */
export function accountName(reader: StateReader, account: AccountId): AccountName | undefined {
  return readRow(reader, KEYS.account(account), accountCodec)?.name;
}

/**
 * Accounts whose names start with `prefix`, in order of name; without those that are deactivated or deleted, so that a
 * page may be short before the end.
 *
 * @param page `after`: the last name of the page before, or any text that names are compared with
 * @returns `next`: what to pass as `after` for the next page, null at the end
 */
export async function listAccounts(
  reader: StateReader,
  page: { readonly prefix?: string; readonly after?: string; readonly limit: number },
): Promise<{ readonly accounts: readonly AccountInfo[]; readonly next: AccountName | null }> {
  const prefix = KEYS.name(page.prefix ?? '');
  const afterKey = page.after === undefined ? '' : `${KEYS.name(page.after)}\0`;
  const rows = await reader.range({
    gte: afterKey > prefix ? afterKey : prefix,
    lt: afterPrefix(prefix),
    limit: page.limit + 1,
  });
  const found = rows.slice(0, page.limit).map(([, bytes]) => accountById(reader, names.decode(bytes))!);
  const next = rows.length > page.limit ? (found.at(-1)?.name ?? null) : null;
  return { accounts: found.filter(({ state }) => state === 'active'), next };
}
