import { auditPage } from '../chat/queries-audit.ts';
import { findExpired } from '../chat/queries-sweep.ts';
import { Value } from '@sinclair/typebox/value';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AuditEntry, AuditReply } from '../protocol/http/audit.ts';
import { ApiPerson, call, nextTxnId } from '../testing/api-person.ts';
import { LocalChatNode } from '../testing/local-chat-node.ts';
import { waitUntil } from '../testing/wait-until.ts';
import { serveForTest } from './test-server.ts';
import type { AuditEntryJson, AuditReplyJson } from '../protocol/http/audit.ts';
import type { ProblemJson } from '../protocol/http/schemas.ts';
import type { TestServer } from './test-server.ts';

let server: TestServer;
let ann: ApiPerson;
const ask = async (query = ''): Promise<AuditReplyJson> => {
  const path = `/v1/admin/audit?order=oldest&limit=500${query}`;
  const { status, body } = await call<AuditReplyJson>(server.url, 'GET', path, { token: 'admin' });
  expect([status, [...Value.Errors(AuditReply, body)]]).toEqual([200, []]);
  return body;
};
const acts = async (query = ''): Promise<string[]> => (await ask(query)).entries.map(({ act }) => act);

beforeAll(async () => {
  server = await serveForTest(new LocalChatNode({ adminToken: 'admin' }), {
    config: { trustedProxies: ['127.0.0.0/8'] },
    // Tests say themselves what goes into the log, and when.
    limits: { refusedLoginsGatherMs: 3_600_000 },
  });
  ann = await ApiPerson.join(server.url, 'ann');
});
afterAll(async () => server.close(1_000));

describe('the audit log', () => {
  it('is for admins', async () => {
    expect((await call(server.url, 'GET', '/v1/admin/audit')).status).toBe(401);
    expect((await ann.call('GET', '/v1/admin/audit')).status).toBe(403);
    expect((await ann.call('GET', '/v1/admin/audit/export')).status).toBe(403);
  });

  it('tells by name who did what, from which address', async () => {
    const bob = await ApiPerson.join(server.url, 'bob');
    const room = await ann.createRoom('group', [bob.account]);
    await call(server.url, 'PATCH', `/v1/rooms/${room}/members/bob`, {
      token: ann.token,
      json: { role: 'admin', txnId: nextTxnId() },
      headers: { 'x-forwarded-for': '2001:db8::7' },
    });
    const { entries } = await ask('&what=room');
    expect(entries).toMatchObject([
      { act: 'room.created', node: 'n1', address: '127.0.0.1', subject: { value: 'group' } },
      {
        act: 'room.role-changed',
        role: 'account',
        by: { account: 'ann', accountId: ann.account },
        device: ann.deviceId,
        address: '2001:db8::7',
        subject: { room, accounts: [{ account: 'bob' }], value: 'admin' },
      },
    ]);
    expect(await acts('&who=bob')).toEqual([
      'account.registered',
      'session.opened',
      'room.created',
      'room.role-changed',
    ]);
    expect(await acts('&role=operator')).toEqual([]);
    expect(await acts('&since=2999-01-01T00:00:00Z')).toEqual([]);
    expect(await acts('&until=2999-01-01T00:00:00Z&node=n1')).toHaveLength(6);
  });

  it('refuses questions that make no sense, and says which part', async () => {
    for (const [query, code] of [
      ['who=nobody', 'no_such_user'],
      ['since=yesterday', 'invalid_field'],
      ['since=2026-99-01T00:00:00Z', 'invalid_field'],
      ['role=boss', 'invalid_field'],
    ]) {
      const answer = await call<ProblemJson>(server.url, 'GET', `/v1/admin/audit?${query!}`, { token: 'admin' });
      expect([query, answer.body.code]).toEqual([query, code]);
    }
  });

  it('counts refused logins, whoever causes them, without a row for each', async () => {
    const node = new LocalChatNode({ adminToken: 'admin' });
    const limits = { refusedLoginsGatherMs: 20 };
    const own = await serveForTest(node, { limits });
    const eve = await ApiPerson.join(own.url, 'eve');
    for (let i = 0; i < 20; i++) {
      const { body } = await eve.loginBody();
      const wrong = { ...body, signature: 'A'.repeat(86) };
      expect((await call(own.url, 'POST', '/v1/sessions', { json: wrong })).status).toBe(400);
      await call(own.url, 'GET', '/v1/admin/status', { token: 'guess' });
      await call(own.url, 'POST', '/v1/sessions/challenge', { json: { account: `no${i}`, device: eve.deviceId } });
    }
    const refusals = async (): Promise<AuditReplyJson['entries']> =>
      (await call<AuditReplyJson>(own.url, 'GET', '/v1/admin/audit?what=session.refused', { token: 'admin' })).body
        .entries;
    await waitUntil(async () => (await refusals()).length === 2);
    const entries = await refusals();
    const of = (name: string | undefined) => entries.find(({ subject }) => subject.accounts?.[0]?.account === name);
    expect(of('eve')).toMatchObject({ role: 'stranger', by: null, address: '127.0.0.1', node: 'n1' });
    expect(of('eve')!.subject).toMatchObject({ value: 'invalid_signature' });
    expect(of(undefined)).toMatchObject({ role: 'stranger', by: null });
    // What is left is brought in when the node goes down.
    await own.close(1_000);
    node.advance(3_600_000);
    const keys = await findExpired(node.reader, node.stampMs, 500);
    const sweep = { kind: 'state.sweep', actor: null, txnId: nextTxnId(), body: { keys } } as const;
    await node.submit(sweep, 1_000);
    const { rows } = await auditPage(node.reader, { what: 'session.refused', reverse: false, limit: 10 });
    expect(rows.reduce((sum, { subject }) => sum + subject.count!, 0)).toBe(60);
    expect(rows).toHaveLength(4);
  });

  it('comes as lines for those who keep it elsewhere', async () => {
    const all = await ask();
    const headers = { authorization: 'Bearer admin' };
    const answer = await fetch(`${server.url}/v1/admin/audit/export`, { headers });
    expect(answer.headers.get('content-type')).toContain('application/x-ndjson');
    const lines = (await answer.text()).trimEnd().split('\n');
    const entries = lines.map((line) => JSON.parse(line) as AuditEntryJson);
    expect(entries.slice(0, all.entries.length)).toEqual(all.entries);
    for (const entry of entries) expect([...Value.Errors(AuditEntry, entry)]).toEqual([]);
    const some = await fetch(`${server.url}/v1/admin/audit/export?what=device`, { headers });
    expect(await some.text()).toBe('');
  });
});
