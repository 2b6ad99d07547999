import { beforeEach, describe, expect, it } from 'vitest';
import { LIMITS } from '../protocol/limits.ts';
import { bytesFrom, ChatHarness } from '../testing/chat-harness.ts';
import { auditSpansCodec } from './audit-rows.ts';
import { KEYS } from './keys.ts';
import { auditPage } from './queries-audit.ts';
import { findExpired } from './queries-sweep.ts';
import type { NodeAct } from '../protocol/audit.ts';
import type { RefusedLogins } from '../protocol/commands.ts';
import type { AccountId, NodeName } from '../protocol/ids.ts';
import type { Person } from '../testing/chat-harness.ts';
import type { AuditFilter, AuditInfo } from './queries-audit.ts';

let chat: ChatHarness;
let ann: Person;
let bob: Person;

beforeEach(() => {
  chat = new ChatHarness();
  ann = chat.register('ann');
  bob = chat.register('bob');
});

async function rows(filter: AuditFilter = {}): Promise<readonly AuditInfo[]> {
  return (await auditPage(chat.view, { ...filter, reverse: false, limit: 500 })).rows;
}
const acts = async (filter: AuditFilter = {}): Promise<string[]> => (await rows(filter)).map(({ act }) => act);
const nodeAct = (act: NodeAct, node = 'n2'): void => {
  chat.must('audit.node-act', null, { act, node: node as NodeName });
};
const refuse = (account: AccountId | null, count = 1, txnId = chat.txn()): void => {
  const refused: RefusedLogins = { account, code: 'invalid_signature', address: '192.0.2.66', count };
  chat.must('audit.refused-logins', null, { refused: [refused] }, txnId);
};
const sweep = async (): Promise<void> => {
  chat.must('state.sweep', null, { keys: await findExpired(chat.view, chat.stampMs, 500) });
};

describe('the audit log', () => {
  it('tells who did what from where, in order, and nothing of what changes nothing', async () => {
    const cay = chat.register('cay');
    const room = chat.groupRoom(ann, bob);
    chat.directRoom(ann, bob);
    chat.directRoom(bob, ann);
    chat.must('room.add', ann, { room, members: [cay.account] });
    chat.must('room.set-role', ann, { room, member: bob.account, role: 'admin' });
    chat.must('room.set-role', ann, { room, member: bob.account, role: 'admin' });
    chat.must('room.mute', bob, { room, member: cay.account, forMs: 60_000 });
    chat.must('room.remove', bob, { room, member: cay.account });
    chat.must('room.create-link', ann, { room, secretHash: bytesFrom('l'), ttlMs: 60_000, usesMax: 1 });
    chat.must('room.join', cay, { room, secretHash: bytesFrom('l') });
    chat.must('room.archive', ann, { room, archived: true });
    chat.send(ann, room, 'said');
    const phone = chat.enrol(ann, '2');
    chat.must('device.revoke', ann, { device: phone.device });
    chat.must('session.revoke', cay, { session: cay.session });
    chat.must('invite.create', null, { inviteHash: bytesFrom('i'), ttlMs: 60_000 });
    nodeAct('node.added', 'n4');
    expect((await acts()).slice(6)).toEqual([
      'room.created',
      'room.created',
      'room.members-added',
      'room.role-changed',
      'room.member-muted',
      'room.member-removed',
      'room.link-created',
      'room.joined',
      'room.archived',
      'device.added',
      'session.opened',
      'device.revoked',
      'session.ended',
      'invite.created',
      'node.added',
    ]);
    const all = await rows();
    expect(all.map(({ id }) => id)).toEqual(all.map((_, i) => i + 1));
    expect(all[0]).toMatchObject({ act: 'account.registered', role: 'account', by: ann.account, device: ann.device });
    expect(all.find(({ act }) => act === 'room.role-changed')).toMatchObject({
      by: ann.account,
      device: ann.device,
      node: 'n1',
      address: '192.0.2.1',
      subject: { room, accounts: [bob.account], value: 'admin' },
    });
    expect(all.at(-1)).toMatchObject({ role: 'operator', by: null, subject: { node: 'n4' } });
  });

  it('tells of a repeated command once, and of a refused one not', async () => {
    const before = (await acts()).length;
    const room = chat.groupRoom(ann);
    const txnId = chat.txn();
    for (let i = 0; i < 3; i++) chat.must('room.add', ann, { room, members: [bob.account] }, txnId);
    expect(chat.code('room.set-role', bob, { room, member: ann.account, role: 'member' })).toBe('forbidden');
    expect((await acts()).slice(before)).toEqual(['room.created', 'room.members-added']);
  });

  it('tells of a stolen refresh secret', async () => {
    const label = (name: string) => ({ accessHash: bytesFrom(`${name} access`), refreshHash: bytesFrom(`${name} r`) });
    const row = { session: ann.session };
    const [spent] = (await rows({ what: 'session' })).slice(0, 1);
    expect(spent).toMatchObject({ act: 'session.opened' });
    const first = chat.login(ann);
    const txnId = chat.txn();
    const body = chat.sessionBody(ann.account, ann.device, txnId);
    const { session } = chat.must('session.create', null, body, txnId);
    expect(first.session).not.toBe(row.session);
    chat.must('session.refresh', null, { session, spentHash: body.refreshHash, ...label('a') });
    chat.must('session.refresh', null, { session, spentHash: bytesFrom('a r'), ...label('b') });
    expect(chat.code('session.refresh', null, { session, spentHash: body.refreshHash, ...label('c') })).toBe(
      'refresh_reused',
    );
    expect(await rows({ what: 'session.stolen' })).toMatchObject([
      { role: 'stranger', by: null, subject: { accounts: [ann.account], session } },
    ]);
  });

  it('names so many accounts as it may, and counts the others', async () => {
    const people = Array.from({ length: LIMITS.auditAccountsMax + 3 }, (_, i) => chat.register(`p${i}`));
    chat.groupRoom(ann, ...people);
    const [made] = await rows({ what: 'room' });
    expect(made!.subject.accounts).toEqual(people.slice(0, LIMITS.auditAccountsMax).map(({ account }) => account));
    expect(made!.subject.more).toBe(3);
  });
});

describe('a page of it', () => {
  it('holds what was asked for', async () => {
    chat.wait(1_000);
    const from = chat.stampMs;
    const room = chat.groupRoom(ann, bob);
    chat.wait(1_000);
    chat.must('room.remove', bob, { room, member: bob.account });
    nodeAct('node.added', 'n4');
    nodeAct('node.removed', 'n3');
    expect(await acts({ since: from })).toHaveLength(4);
    expect(await acts({ since: from, until: from })).toEqual(['room.created']);
    expect(await acts({ until: from - 1 })).toHaveLength(4);
    expect(await acts({ who: bob.account, since: from })).toEqual(['room.created', 'room.member-removed']);
    expect(await acts({ what: 'node' })).toEqual(['node.added', 'node.removed']);
    expect(await acts({ what: 'node.removed' })).toEqual(['node.removed']);
    expect(await acts({ what: 'nod' })).toEqual([]);
    expect(await acts({ node: 'n4' as NodeName })).toEqual(['node.added']);
    expect(await acts({ role: 'operator' })).toEqual(['node.added', 'node.removed']);
  });

  it('goes on where the one before ended, in both directions, whatever is dropped meanwhile', async () => {
    for (let i = 0; i < 7; i++) {
      chat.groupRoom(ann);
      nodeAct('node.added');
    }
    const all = (await rows()).map(({ id }) => id);
    for (const reverse of [false, true]) {
      const seen: number[] = [];
      let after: number | undefined;
      do {
        const page = await auditPage(chat.view, { reverse, limit: 4, ...(after === undefined ? {} : { after }) });
        expect(page.rows.length).toBe(Math.min(4, all.length - seen.length));
        seen.push(...page.rows.map(({ id }) => id));
        after = page.next ?? undefined;
      } while (after !== undefined);
      expect(seen).toEqual(reverse ? all.toReversed() : all);
    }
  });

  it('looks at a bounded number of rows, and says that there is more', async () => {
    for (let i = 0; i < 2_010; i++) nodeAct('node.added');
    const first = await auditPage(chat.view, { what: 'account', reverse: true, limit: 10 });
    expect(first.rows).toEqual([]);
    const second = await auditPage(chat.view, { what: 'account', reverse: true, limit: 10, after: first.next! });
    expect(second.rows.map(({ by }) => by)).toEqual([bob.account, ann.account]);
    expect(second.next).toBeNull();
  });
});

describe('its size', () => {
  it('is bounded, each part by itself: much of what people do drops no act of an admin', async () => {
    nodeAct('node.added');
    const spans = auditSpansCodec.decode(chat.view.get(KEYS.auditSpans)!);
    const { first, next } = spans.people;
    expect(first).toBe(0);
    // As if so much had happened that there is room for one more row.
    const oldest = chat.view.get(KEYS.audit('people', 0))!;
    for (let n = next; n < LIMITS.auditRowsMax - 1; n++) chat.view.put(KEYS.audit('people', n), oldest);
    chat.view.put(
      KEYS.auditSpans,
      auditSpansCodec.encode({ ...spans, people: { first, next: LIMITS.auditRowsMax - 1 } }),
    );
    const count = (): number => [...chat.view.rows.keys()].filter((key) => key.startsWith('A/people/')).length;
    chat.groupRoom(ann);
    expect([count(), chat.view.get(KEYS.audit('people', 0)) === undefined]).toEqual([LIMITS.auditRowsMax, false]);
    chat.groupRoom(ann);
    chat.groupRoom(ann);
    expect(count()).toBe(LIMITS.auditRowsMax);
    expect([0, 1, 2].map((n) => chat.view.get(KEYS.audit('people', n)) === undefined)).toEqual([true, true, false]);
    expect(chat.view.get(KEYS.audit('server', 0))).toBeDefined();
    expect((await auditPage(chat.view, { reverse: true, limit: 1 })).rows).toMatchObject([{ act: 'room.created' }]);
  });
});

describe('refused logins', () => {
  const told = async (): Promise<(readonly [string | undefined, number | undefined])[]> =>
    (await rows({ what: 'session.refused' })).map(({ subject }) => [subject.accounts?.[0], subject.count] as const);

  it('of one account are told at once, and then once for all when the time is over', async () => {
    refuse(ann.account, 2);
    expect(await told()).toEqual([[ann.account, 2]]);
    for (let i = 0; i < 50; i++) refuse(ann.account, 10);
    expect(await told()).toHaveLength(1);
    chat.wait(LIMITS.auditRefusedWindowMs);
    await sweep();
    expect(await told()).toEqual([
      [ann.account, 2],
      [ann.account, 500],
    ]);
    chat.wait(LIMITS.auditRefusedWindowMs);
    await sweep();
    expect(await told()).toHaveLength(2);
    expect([...chat.view.rows.keys()].filter((key) => key.startsWith('A/refused/'))).toEqual([]);
    refuse(ann.account);
    expect(await told()).toHaveLength(3);
  });

  it('are told when the time is over although nobody swept', async () => {
    refuse(ann.account);
    refuse(ann.account, 3);
    chat.wait(LIMITS.auditRefusedWindowMs);
    refuse(ann.account);
    expect((await told()).map(([, count]) => count)).toEqual([1, 3, 1]);
  });

  it('of unknown accounts, and of too many accounts at a time, share a row', async () => {
    refuse(`A${'b'.repeat(26)}` as AccountId);
    refuse(null);
    expect(await told()).toEqual([[undefined, 1]]);
    const people = Array.from({ length: LIMITS.auditRefusedAccountsMax + 5 }, (_, i) => chat.register(`p${i}`));
    for (const { account } of people) refuse(account);
    for (const { account } of people) refuse(account);
    expect(await told()).toHaveLength(1 + LIMITS.auditRefusedAccountsMax);
    chat.wait(LIMITS.auditRefusedWindowMs);
    await sweep();
    const all = await told();
    expect(all).toHaveLength(2 * (1 + LIMITS.auditRefusedAccountsMax));
    expect(all.reduce((sum, [, count]) => sum + count!, 0)).toBe(2 + 2 * people.length);
    for (const { account } of people) refuse(account);
    expect((await told()).length - all.length).toBe(LIMITS.auditRefusedAccountsMax + 1);
  });

  it('that a node brings in twice count once', async () => {
    const txnId = chat.txn();
    refuse(ann.account, 2);
    for (let i = 0; i < 2; i++) refuse(ann.account, 5, txnId);
    chat.wait(LIMITS.auditRefusedWindowMs);
    await sweep();
    expect(await told()).toMatchObject([{}, [ann.account, 5]]);
  });

  it('are for nodes to bring in, not for people', () => {
    expect(chat.code('audit.refused-logins', ann, { refused: [] })).toBe('forbidden');
    expect(chat.code('audit.node-act', ann, { act: 'node.added', node: 'n2' as NodeName })).toBe('forbidden');
  });
});
