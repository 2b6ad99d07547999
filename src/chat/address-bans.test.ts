import { beforeEach, describe, expect, it } from 'vitest';
import { addressRangeOf } from '../protocol/address-range.ts';
import { LIMITS } from '../protocol/limits.ts';
import { ChatHarness } from '../testing/chat-harness.ts';
import { addressBansCodec } from './admin-rows.ts';
import { KEYS } from './keys.ts';
import { auditPage } from './queries-audit.ts';
import { addressBans, addressBansPage, addressBansVersion } from './queries-admin.ts';
import { findExpired } from './queries-sweep.ts';
import type { AddressRange } from '../protocol/address-range.ts';
import type { Person } from '../testing/chat-harness.ts';

let chat: ChatHarness;
let ann: Person;
const NET = '203.0.113.0/24' as AddressRange;
const ONE = '2001:db8::1' as AddressRange;

beforeEach(() => {
  chat = new ChatHarness();
  ann = chat.register('ann');
});

const ban = (range: AddressRange, forMs: number | null = null, reason = 'spam') =>
  chat.must('address.ban', null, { range, reason, forMs });
const standing = (): readonly AddressRange[] =>
  addressBansPage(chat.view, chat.stampMs, { limit: 500 }).bans.map(({ range }) => range);
const sweep = async (): Promise<number> => {
  const keys = await findExpired(chat.view, chat.stampMs, 500);
  return keys.length === 0 ? 0 : chat.must('state.sweep', null, { keys }).removed;
};
const expiryRows = (): string[] => [...chat.view.rows.keys()].filter((key) => /^x\/\d+\/I$/.test(key));

describe('a ban of addresses', () => {
  it('is made and lifted by admins of the server only, and told in the audit log', async () => {
    expect(chat.code('address.ban', ann, { range: NET, reason: '', forMs: null })).toBe('forbidden');
    expect(chat.code('address.unban', ann, { range: NET })).toBe('forbidden');
    expect(chat.code('address.unban', null, { range: NET })).toBe('not_banned');
    chat.must('server.set-admin', null, { account: ann.account, granted: true });
    expect(chat.must('address.ban', ann, { range: NET, reason: 'spam', forMs: null })).toEqual({
      range: NET,
      until: null,
    });
    ban(ONE, null, '');
    expect(addressBans(chat.view)).toMatchObject([
      { range: ONE, by: null, reason: '', until: null },
      { range: NET, by: ann.account, reason: 'spam', until: null },
    ]);
    chat.must('address.unban', ann, { range: NET });
    expect(standing()).toEqual([ONE]);
    // A ban goes as it was made: not address by address.
    ban(NET);
    expect(chat.code('address.unban', null, { range: '203.0.113.1' as AddressRange })).toBe('not_banned');
    const { rows } = await auditPage(chat.view, { what: 'address', reverse: false, limit: 10 });
    expect(rows.map(({ act, subject, by }) => [act, subject.value, by])).toEqual([
      ['address.banned', `${NET}: spam`, ann.account],
      ['address.banned', ONE, null],
      ['address.unbanned', NET, ann.account],
      ['address.banned', `${NET}: spam`, null],
    ]);
  });

  it.each(['127.0.0.1', '0.0.0.0/0', '::/0', '::1', '::/16'])('does not take %s, and changes nothing', (range) => {
    const before = chat.view.dump();
    const refused = chat.run('address.ban', null, { range: addressRangeOf(range), reason: '', forMs: null });
    expect(refused).toMatchObject({ code: 'invalid_field', data: { field: 'range' } });
    expect(chat.view.dump()).toBe(before);
  });

  it('ends by the time of the leader, swept or not; the newest one of a range counts', async () => {
    ban(NET, 5_000);
    ban(ONE, 5_000);
    const until = ban(NET, 10_000).until!;
    expect(expiryRows()).toHaveLength(2);
    chat.wait(5_000);
    expect(standing()).toEqual([NET]);
    expect(chat.code('address.unban', null, { range: ONE })).toBe('not_banned');
    expect(addressBans(chat.view)).toHaveLength(2);
    const version = addressBansVersion(chat.view);
    expect(await sweep()).toBe(1);
    expect(addressBansVersion(chat.view)).toBeGreaterThan(version);
    expect(addressBans(chat.view)).toMatchObject([{ range: NET, until }]);
    chat.wait(5_000);
    await sweep();
    expect([addressBans(chat.view), expiryRows()]).toEqual([[], []]);
  });

  it('that is lifted leaves the end of another that was to end with it', () => {
    // In one batch, so at one time.
    const [a, b] = ['192.0.2.1', '192.0.2.2'] as [AddressRange, AddressRange];
    const first = ban(a, 5_000).until!;
    ban(b, first - chat.stampMs);
    ban(NET, null);
    chat.must('address.unban', null, { range: a });
    expect(expiryRows().length).toBeGreaterThan(0);
    chat.must('address.unban', null, { range: b });
    expect(expiryRows()).toEqual([]);
    expect(standing()).toEqual([NET]);
  });

  it('is one of so many, of which a list shows one page at a time', () => {
    const facts = { by: null, reason: '', at: chat.stampMs, until: null };
    const full = Array.from({ length: LIMITS.addressBansMax - 1 }, (_, i) => ({
      range: addressRangeOf(`10.0.${i >> 8}.${i & 0xff}`),
      ...facts,
    }));
    chat.view.put(KEYS.addressBans, addressBansCodec.encode(full));
    ban('10.1.0.0' as AddressRange);
    expect(chat.code('address.ban', null, { range: NET, reason: '', forMs: null })).toBe('too_many');
    // Anew is no further one.
    ban('10.0.0.0' as AddressRange, null, 'still');
    const seen: AddressRange[] = [];
    for (let after: AddressRange | undefined; ;) {
      const page = addressBansPage(chat.view, chat.stampMs, { limit: 300, ...(after === undefined ? {} : { after }) });
      seen.push(...page.bans.map(({ range }) => range));
      if (page.next === null) break;
      after = page.next;
    }
    expect(new Set(seen).size).toBe(LIMITS.addressBansMax);
    expect(seen).toEqual(seen.toSorted());
  });
});
