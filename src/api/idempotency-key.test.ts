import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiPerson, call, nextTxnId } from '../testing/api-person.ts';
import { LocalChatNode } from '../testing/local-chat-node.ts';
import { serveForTest } from './test-server.ts';
import type { Answer } from '../testing/api-person.ts';
import type { TestServer } from './test-server.ts';

describe('Idempotency-Key', () => {
  let server: TestServer;
  let ada: ApiPerson;
  beforeAll(async () => {
    server = await serveForTest(new LocalChatNode());
    ada = await ApiPerson.join(server.url, 'ada');
  });
  afterAll(() => server.close(1_000));

  const create = (key: string, json: unknown): Promise<Answer<{ room?: string; code?: string; data?: object }>> =>
    call(server.url, 'POST', '/v1/rooms', { token: ada.token, json, headers: { 'idempotency-key': key } });

  it('stands for txnId in a body: the same request makes one room', async () => {
    const group = { kind: 'group', members: [] };
    const key = nextTxnId();
    const [first, again] = [await create(key, group), await create(key, group)];
    expect([first.status, again.status]).toEqual([200, 200]);
    expect(again.body.room).toBe(first.body.room);
    expect((await create(key, { ...group, txnId: key })).body.room).toBe(first.body.room);
    expect((await create(nextTxnId(), group)).body.room).not.toBe(first.body.room);
  });

  it('is held to the same form, and may not say something else', async () => {
    const group = { kind: 'group', members: [] };
    for (const [key, json] of [
      ['not-a-ulid', group],
      [nextTxnId(), { ...group, txnId: nextTxnId() }],
    ] as const) {
      const { status, body } = await create(key, json);
      expect([status, body.code, body.data]).toEqual([400, 'invalid_field', { field: 'txnId' }]);
    }
  });

  it('means nothing to a body that has no txnId, or is no object', async () => {
    const headers = { 'idempotency-key': nextTxnId() };
    const json = { account: 'ada', device: ada.deviceId };
    expect((await call(server.url, 'POST', '/v1/sessions/challenge', { json, headers })).status).toBe(200);
    expect((await create(nextTxnId(), [])).body.code).toBe('invalid_field');
  });
});
