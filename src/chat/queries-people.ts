import { afterPrefix, KEYS } from './keys.ts';
import { accountById, listAccounts } from './queries-accounts.ts';
import { readRow } from './queries-rows.ts';
import { profileCodec } from './profile-rows.ts';
import { timeCodec } from './rows.ts';
import { foldedText, searchKeyOf } from './search-words.ts';
import type { AccountId, StampMs } from '../protocol/ids.ts';
import type { ProfileRow } from './profile-rows.ts';
import type { AccountInfo } from './queries-accounts.ts';
import type { StateReader } from './ports.ts';

export type ProfileInfo = ProfileRow;

export function profileOf(reader: StateReader, account: AccountId): ProfileInfo | undefined {
  return readRow(reader, KEYS.profile(account), profileCodec);
}

/** Whether `account` has blocked `other`. */
export function hasBlocked(reader: StateReader, account: AccountId, other: AccountId): boolean {
  return reader.get(KEYS.block(account, other)) !== undefined;
}

/**
 * Whom an account blocks, in the order of account ids.
 *
 * @returns `next`: what to pass as `after` for the next page, null at the end
 */
export async function blocksPage(
  reader: StateReader,
  account: AccountId,
  page: { readonly after?: AccountId; readonly limit: number },
): Promise<{
  readonly blocks: readonly { readonly account: AccountId; readonly since: StampMs }[];
  readonly next: AccountId | null;
}> {
  const prefix = KEYS.block(account, '');
  const gte = page.after === undefined ? prefix : `${KEYS.block(account, page.after)}\0`;
  const rows = await reader.range({ gte, lt: afterPrefix(prefix), limit: page.limit + 1 });
  const all = rows.map(([key, bytes]) => ({
    account: key.slice(prefix.length) as AccountId,
    since: timeCodec.decode(bytes),
  }));
  const blocks = all.slice(0, page.limit);
  return { blocks, next: all.length > page.limit ? blocks.at(-1)!.account : null };
}

/** Where a search goes on: first by name, then by display name. */
export type PeopleCursor = { readonly name: string } | { readonly key: string };

/**
 * People whose name, or a word of whose display name, begins with `query`; each once; a page may be short before the
 * end.
 *
 * @returns `next`: what to pass as `after` for the next page, null at the end
 */
export async function searchPeople(
  reader: StateReader,
  ask: { readonly query: string; readonly after: PeopleCursor | null; readonly limit: number },
): Promise<{ readonly people: readonly AccountInfo[]; readonly next: PeopleCursor | null }> {
  const { after, limit } = ask;
  const query = ask.query.replace(/^@/, '');
  const named = foldedText(query);
  const isName = /^[a-z0-9._-]*$/.test(named);
  const called = async (from: string, most: number): ReturnType<typeof searchPeople> => {
    const { found, next } = await byDisplayName(reader, { query, from, limit: most });
    // Who is called so was among those found by name.
    const people = found.filter(({ name }) => !isName || !name.startsWith(named));
    return { people, next: next === null ? null : { key: next } };
  };
  if (after !== null && 'key' in after) return called(after.key, limit);
  if (!isName) return called('', limit);
  const page = { prefix: named, limit, ...(after === null ? {} : { after: after.name }) };
  const { accounts, next } = await listAccounts(reader, page);
  if (next !== null) return { people: accounts, next: { name: next } };
  if (accounts.length >= limit) return { people: accounts, next: FIRST_KEY };
  const more = await called('', limit - accounts.length);
  return { people: [...accounts, ...more.people], next: more.next };
}

const FIRST_KEY: PeopleCursor = { key: '' };

async function byDisplayName(
  reader: StateReader,
  { query, from, limit }: { readonly query: string; readonly from: string; readonly limit: number },
): Promise<{ readonly found: readonly AccountInfo[]; readonly next: string | null }> {
  const prefix = `${KEYS.displayNames}${searchKeyOf(query)}`;
  const after = `${KEYS.displayNames}${from}\0`;
  const rows = await reader.range({
    gte: from !== '' && after > prefix ? after : prefix,
    lt: afterPrefix(prefix),
    limit: limit + 1,
  });
  const keys = rows.slice(0, limit).map(([key]) => key.slice(KEYS.displayNames.length));
  const accounts = new Set(keys.map((key) => key.slice(key.lastIndexOf('/') + 1) as AccountId));
  const found = Array.from(accounts, (account) => accountById(reader, account)!);
  return {
    found: found.filter(({ state }) => state === 'active'),
    next: rows.length > limit ? keys.at(-1)! : null,
  };
}
