import { createHmac, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadOpaquePerson } from '../crypto/opaque-client.ts';
import { createSessionSecret, formatGrantToken } from '../crypto/tokens.ts';
import { fromBase64Url, toBase64Url } from '../protocol/base64url.ts';
import { loginProofBytes } from '../protocol/login-statements.ts';
import { ApiPerson, call, nextTxnId } from '../testing/api-person.ts';
import { TestClient } from '../testing/client/test-client.ts';
import { LocalChatNode } from '../testing/local-chat-node.ts';
import { serveForTest } from './test-server.ts';
import type { OpaquePerson, OpaqueStart } from '../crypto/opaque-client.ts';
import type { ProblemJson } from '../protocol/http/schemas.ts';
import type { AccountName } from '../protocol/ids.ts';
import type { TestServer } from './test-server.ts';

const PASSWORD = 'correct horse battery';
/** Of KE2: the evaluated element, the masking nonce, and what is masked. */
const ELEMENT_BYTES = 32;
const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));

interface Started {
  readonly response: string;
  readonly state: string;
}

let node: LocalChatNode;
let server: TestServer;
let opaque: OpaquePerson;
beforeAll(async () => {
  node = new LocalChatNode();
  server = await serveForTest(node);
  opaque = await loadOpaquePerson();
  const ann = await TestClient.open({ endpoints: [server.url] });
  await ann.client.login.signUp({ name: 'ann', password: PASSWORD });
  await TestClient.registered('bob', { endpoints: [server.url] });
});
afterAll(() => server.close(1_000));

async function start(account: string, { request }: OpaqueStart): Promise<Started> {
  const json = { account, request: toBase64Url(request) };
  const { status, body } = await call<Started>(server.url, 'POST', '/v1/login/start', { json });
  if (status !== 200) throw new Error(JSON.stringify(body));
  return body;
}

/** All that it takes to finish, done as an honest client does. */
async function finishOf(account: string) {
  const begun = opaque.startLogin(PASSWORD);
  const { response, state } = await start(account, begun);
  const identifiers = { client: account, server: node.clusterId! };
  const { finish, sessionKey } = opaque.finishLogin(begun, PASSWORD, identifiers, fromBase64Url(response))!;
  const grant = createSessionSecret(random);
  const txnId = nextTxnId();
  const binding = {
    ...{ cluster: node.clusterId!, origin: server.url, name: account as AccountName },
    ...{ grantHash: grant.hash, txnId },
  };
  const proof = createHmac('sha256', sessionKey).update(loginProofBytes(binding)).digest('base64url');
  const grantHash = toBase64Url(grant.hash);
  return { json: { state, finish: toBase64Url(finish), origin: server.url, grantHash, proof, txnId }, grant };
}

const finish = (json: object) => call<ProblemJson>(server.url, 'POST', '/v1/login/finish', { json });

describe('what a stranger learns by starting', () => {
  it('is the same for an account with a password, one without, and none', async () => {
    const begun = opaque.startLogin('a guess');
    const answers: Started[] = [];
    for (const name of ['ann', 'bob', 'eve']) answers.push(await start(name, begun));
    expect(new Set(answers.map(({ response }) => response.length)).size).toBe(1);
    expect(new Set(answers.map(({ state }) => state.length)).size).toBe(1);
    const finishes = answers.map(({ state }) => {
      const body = {
        finish: toBase64Url(random(64)),
        grantHash: toBase64Url(random(32)),
        proof: toBase64Url(random(32)),
      };
      return finish({ ...body, state, origin: server.url, txnId: nextTxnId() });
    });
    const refusals = (await Promise.all(finishes)).map(({ status, body }) => [status, body.code, body.detail]);
    expect(new Set(refusals.map((refusal) => JSON.stringify(refusal))).size).toBe(1);
    expect(refusals[0]!.slice(0, 2)).toEqual([401, 'password_wrong']);
  });

  it('stays the same for each name, also when the nodes get new keys', async () => {
    const begun = opaque.startLogin('a guess');
    const elements = async (): Promise<string[]> => {
      const answers = await Promise.all(['ann', 'bob', 'eve'].map((name) => start(name, begun)));
      return answers.map(({ response }) => toBase64Url(fromBase64Url(response).subarray(0, ELEMENT_BYTES)));
    };
    const before = await elements();
    expect(new Set(before).size).toBe(3);
    const renewal = { token: 'admin', json: { txnId: nextTxnId() } };
    expect((await call(server.url, 'POST', '/v1/admin/login-setups', renewal)).body).toEqual({ version: 2 });
    expect((await call(server.url, 'POST', '/v1/admin/login-setups', renewal)).body).toEqual({ version: 2 });
    expect(await elements()).toEqual(before);
  });
});

describe('finishing', () => {
  it('is authenticated as a whole: nobody in between puts in a grant, an origin or a state of their own', async () => {
    const { json, grant } = await finishOf('ann');
    const another = toBase64Url(createSessionSecret(random).hash);
    expect((await finish({ ...json, grantHash: another })).body.code).toBe('password_wrong');
    expect((await finish({ ...json, txnId: nextTxnId() })).body.code).toBe('password_wrong');
    expect((await finish({ ...json, origin: 'https://evil.example' })).body.code).toBe('origin_not_allowed');
    const state = fromBase64Url(json.state);
    state[40]! ^= 1;
    expect((await finish({ ...json, state: toBase64Url(state) })).body.code).toBe('challenge_invalid');
    const taken = await finish(json);
    expect([taken.status, await finish(json)]).toMatchObject([200, { status: 200, body: taken.body }]);
    const token = formatGrantToken(grant.secret);
    expect((await call<ProblemJson>(server.url, 'GET', '/v1/vault', { token })).status).toBe(200);
    // It is for the vault and one device, and for nothing else.
    expect((await call<ProblemJson>(server.url, 'GET', '/v1/rooms', { token })).body.code).toBe('unauthenticated');
    const forged = formatGrantToken(random(32));
    expect((await call<ProblemJson>(server.url, 'GET', '/v1/vault', { token: forged })).body.code).toBe(
      'unauthenticated',
    );
  });

  it('takes each start once', async () => {
    const { json } = await finishOf('ann');
    await finish(json);
    const replayed = await finish({ ...json, txnId: nextTxnId() });
    expect(replayed.body.code).toBe('password_wrong');
  });
});

describe('beginning to register a password', () => {
  it('is rare: with a stolen session it would be guessing that nobody counts', async () => {
    const eve = await ApiPerson.join(server.url, 'eve');
    const json = { request: toBase64Url(opaque.startRegistration('a guess').request) };
    const codes: string[] = [];
    for (let i = 0; i < 10; i++) {
      const { status, body } = await eve.call<ProblemJson>('POST', '/v1/password/start', json);
      codes.push(status === 200 ? 'answered' : body.code);
    }
    expect(codes).toEqual([...Array<string>(8).fill('answered'), 'rate_limited', 'rate_limited']);
  });
});

describe('a node that has lost its leader', () => {
  it('lets nobody in, by password or by recovery code', async () => {
    node.loseLeader(11_000);
    const json = { account: 'ann', request: toBase64Url(opaque.startLogin(PASSWORD).request) };
    expect((await call<ProblemJson>(server.url, 'POST', '/v1/login/start', { json })).body.code).toBe('no_leader');
    const challenge = await call<ProblemJson>(server.url, 'POST', '/v1/recovery/challenge', {
      json: { account: 'ann' },
    });
    expect(challenge.body.code).toBe('no_leader');
  });
});
