import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hookKeysOf, signHookRecord } from '../crypto/hook-keys.ts';
import { toBase64Url } from '../protocol/base64url.ts';
import { ApiPerson, nextTxnId } from '../testing/api-person.ts';
import { LocalChatNode } from '../testing/local-chat-node.ts';
import { serveForTest } from './test-server.ts';
import type { ProblemJson } from '../protocol/http/schemas.ts';
import type { TestServer } from './test-server.ts';

let server: TestServer;
let ann: ApiPerson;
beforeAll(async () => {
  server = await serveForTest(new LocalChatNode());
  ann = await ApiPerson.join(server.url, 'ann');
});
afterAll(() => server.close(1_000));

describe('the name of a webhook', () => {
  it.each([
    ['more bytes than characters', 'é'.repeat(40)],
    ['two lines', 'pump\nof the cellar'],
    ['what turns the direction', 'pump\u202E'],
    ['nothing to see', '  '],
  ])('that has %s is refused as that field', async (_, name) => {
    const room = await ann.createOpenRoom('Alerts');
    const keys = hookKeysOf(new Uint8Array(randomBytes(32)));
    const { signingKey, signature } = signHookRecord(ann.user, { keys, room, name });
    const { status, body } = await ann.call<ProblemJson>('POST', `/v1/rooms/${room}/hooks`, {
      ...{ name, signingKey: toBase64Url(signingKey), signature: toBase64Url(signature), txnId: nextTxnId() },
    });
    expect([status, body.code, body.data]).toEqual([400, 'invalid_field', { field: 'name' }]);
  });
});
