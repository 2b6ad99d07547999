import { request as httpRequest } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { serveForTest } from './test-server.ts';
import { ApiPerson, call, nextTxnId } from '../testing/api-person.ts';
import { LocalChatNode } from '../testing/local-chat-node.ts';
import { OpenApi } from '../testing/open-api.ts';
import { encodeCursor, startOfEntry } from '../chat/queries-cursor.ts';
import { clusterIdOf } from '../protocol/derive-ids.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { CallOptions } from '../testing/api-person.ts';
import type { TestServer } from './test-server.ts';
import type { ProblemJson, RoomDetailJson } from '../protocol/http/schemas.ts';

const HOUR_MS = 3_600_000;
const UNKNOWN_ROOM = `R${'a'.repeat(26)}`;

describe('bad input gets a clear problem and changes nothing', () => {
  const node = new LocalChatNode();
  let server: TestServer;
  let ada: ApiPerson;
  let bob: ApiPerson;
  let roster: RoomDetailJson;
  let document: OpenApi;
  /** Somebody who does nothing wrong, and has to be served whatever others do. */
  let witness: ApiPerson;
  let witnessed: RoomDetailJson;

  beforeAll(async () => {
    const perAddressLogin = { perSecond: 1e6, burst: 1e6 };
    // What tests see of the log moves only by what they ask for.
    const limits = { requestDeadlineMs: 200, perAddressLogin, refusedLoginsGatherMs: HOUR_MS };
    server = await serveForTest(node, { limits });
    ada = await ApiPerson.join(server.url, 'ada');
    bob = await ApiPerson.join(server.url, 'bob');
    roster = await ada.room(await ada.createRoom('group', []));
    document = await OpenApi.of(server.url);
    witness = await ApiPerson.join(server.url, 'witness');
    witnessed = await witness.room(await witness.createRoom('group', []));
  });
  afterEach(async () => {
    await witness.login();
    const { lastSeq } = await witness.room(witnessed.room);
    const sent = await witness.send<{ seq: number }>(witnessed, 'still served');
    expect([sent.status, sent.body.seq]).toEqual([200, lastSeq + 1]);
  });
  afterAll(() => server.close(1_000));

  /** Sends what is wrong, and checks that the log did not move. */
  async function refused(method: string, path: string, options: CallOptions = {}): Promise<ProblemJson> {
    const before = node.reader.appliedIndex;
    const problem = await refusedAt(server.url, method, path, options);
    expect(node.reader.appliedIndex).toBe(before);
    return problem;
  }

  /** Sends what only the log can refuse, and checks that it left nothing behind. */
  async function rejected(method: string, path: string, options: CallOptions = {}): Promise<ProblemJson> {
    const before = node.reader.dump();
    const problem = await refusedAt(server.url, method, path, options);
    expect(node.reader.dump()).toEqual(before);
    return problem;
  }

  async function refusedAt(url: string, method: string, path: string, options: CallOptions): Promise<ProblemJson> {
    const { status, headers, body } = await call<ProblemJson>(url, method, path, options);
    expect(headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
    expect([body.status, body.type]).toEqual([status, `urn:parley:error:${body.code}`]);
    expect(status).toBeLessThan(500);
    expect(body.requestId).not.toBe('');
    expect(body.leaderId).toBe('n1');
    if (document.operation(method, path) !== undefined) {
      expect(document.codes(method, path, status)).toContain(body.code);
    }
    return body;
  }
  const asAda = (json?: unknown): CallOptions => ({ token: ada.token, ...(json === undefined ? {} : { json }) });

  it.each([
    ['malformed JSON', '{"name":', 'malformed_json'],
    ['no JSON at all', 'name=ada', 'malformed_json'],
    ['JSON nested 10⁵ deep', '['.repeat(100_000), 'malformed_json'],
    ['JSON nested as deep as fits', '['.repeat(60_000) + ']'.repeat(60_000), 'malformed_json'],
    ['JSON nested deeper than fits', '['.repeat(100_000) + ']'.repeat(100_000), 'payload_too_large'],
    ['deep JSON that never ends', '{"a":'.repeat(20_000), 'malformed_json'],
    ['an array', '[]', 'invalid_field'],
    ['null', 'null', 'invalid_field'],
    ['a text', '"x"', 'invalid_field'],
    ['an empty body', '', 'invalid_field'],
  ])('%s', async (_what, json, code) => {
    expect((await refused('POST', '/v1/sessions/challenge', { json })).code).toBe(code);
  });

  it('names the field that is unknown, missing or of the wrong type', async () => {
    const good = { account: 'ada', device: ada.deviceId };
    const wrong = async (json: object): Promise<unknown> => {
      const problem = await refused('POST', '/v1/sessions/challenge', { json });
      expect(problem.code).toBe('invalid_field');
      return problem.data?.['field'];
    };
    expect(await wrong({ ...good, colour: 'red' })).toBe('colour');
    expect(await wrong({ account: 'ada' })).toBe('device');
    expect(await wrong({ ...good, account: 7 })).toBe('account');
    expect(await wrong({ ...good, account: 'No Such Name!' })).toBe('account');
    expect(await wrong({ ...good, ['__proto__']: undefined, constructor: 1 })).toBe('constructor');
    expect((await refused('GET', '/v1/rooms?limit=many', asAda())).data).toEqual({ field: 'limit' });
    expect((await refused('GET', '/v1/rooms?limit=501', asAda())).data).toEqual({ field: 'limit' });
    expect((await refused('GET', '/v1/rooms?colour=red', asAda())).data).toEqual({ field: 'colour' });
    expect((await refused('GET', '/v1/rooms/room-1', asAda())).data).toEqual({ field: 'room' });
  });

  it('does not take an own __proto__ for anything', async () => {
    const json = `{"account":"ada","device":"${ada.deviceId}","__proto__":{"x":1}}`;
    expect((await refused('POST', '/v1/sessions/challenge', { json })).data).toEqual({ field: '__proto__' });
  });

  it('a body that is larger than allowed', async () => {
    const json = { envelope: 'A'.repeat(LIMITS.frameBytesMax) };
    const path = `/v1/rooms/${roster.room}/messages/${nextTxnId()}`;
    expect((await refused('PUT', path, asAda(json))).code).toBe('payload_too_large');
  });

  it('another content type', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/xml']) {
      const options = { json: '{}', headers: { 'content-type': type } };
      expect((await refused('POST', '/v1/sessions/challenge', options)).code).toBe('unsupported_media_type');
    }
  });

  it('paths and methods that do not exist', async () => {
    expect((await refused('GET', '/v1/nothing')).code).toBe('not_found');
    expect((await refused('GET', '/v1/accounts/%zz')).code).toBe('bad_request');
    expect((await refused('GET', `/v1/accounts/${'a'.repeat(2_000)}`)).status).toBeLessThan(500);
    const answer = await call<ProblemJson>(server.url, 'PATCH', '/v1/accounts');
    expect([answer.status, answer.body.code]).toEqual([405, 'method_not_allowed']);
    expect(answer.headers.get('allow')).toContain('POST');
  });

  it('what HTTP itself cannot be', async () => {
    const answer = await new Promise<{ status: number; type: string }>((resolve, reject) => {
      const headers = { 'x-large': 'a'.repeat(64 * 1024) };
      httpRequest(`${server.url}/livez`, { headers }, (response) => {
        response.resume();
        resolve({ status: response.statusCode!, type: response.headers['content-type']! });
      })
        .on('error', reject)
        .end();
    });
    expect(answer).toEqual({ status: 431, type: 'application/problem+json; charset=utf-8' });
  });

  it('ids that are unknown', async () => {
    const device = `D${'a'.repeat(26)}`;
    const session = `S${'a'.repeat(26)}`;
    const txn = `?txnId=${nextTxnId()}`;
    const challenge = (json: object): CallOptions => ({ json });
    const cases: [string, string, CallOptions, string][] = [
      ['GET', '/v1/accounts/nobody', asAda(), 'no_such_user'],
      ['GET', `/v1/rooms/${UNKNOWN_ROOM}`, asAda(), 'no_such_room'],
      ['GET', `/v1/rooms/${UNKNOWN_ROOM}/messages`, asAda(), 'no_such_room'],
      ['POST', '/v1/sessions/challenge', challenge({ account: 'nobody', device }), 'no_such_user'],
      ['POST', '/v1/sessions/challenge', challenge({ account: 'ada', device }), 'no_such_device'],
      ['GET', `/v1/accounts/ada/device-requests/${device}`, {}, 'no_such_request'],
      ['GET', `/v1/accounts/nobody/device-requests/${device}`, {}, 'no_such_user'],
      ['DELETE', `/v1/rooms/${roster.room}/members/nobody${txn}`, asAda(), 'no_such_user'],
    ];
    for (const [method, path, options, code] of cases) {
      expect([path, (await refused(method, path, options)).code]).toEqual([path, code]);
    }
    expect((await rejected('DELETE', `/v1/sessions/${session}${txn}`, asAda())).code).toBe('no_such_session');
    const revoke = `/v1/devices/${device}?txnId=${nextTxnId()}`;
    expect((await rejected('DELETE', revoke, asAda())).code).toBe('no_such_device');
    const record = new ApiPerson(server.url, 'ada', { user: ada.user }).deviceRecord();
    const early = { record, sealedUserKey: 'AAAA', txnId: nextTxnId() };
    expect((await rejected('PUT', `/v1/devices/${record.device}`, asAda(early))).code).toBe('no_such_request');
    const members = [bob.account, `A${'a'.repeat(26)}`];
    const room = { kind: 'group', members, txnId: nextTxnId() };
    expect((await rejected('POST', '/v1/rooms', asAda(room))).code).toBe('no_such_user');
    const meta = { sealedMeta: 'AAAA', txnId: nextTxnId() };
    expect((await rejected('PATCH', `/v1/rooms/${UNKNOWN_ROOM}`, asAda(meta))).code).toBe('no_such_room');
  });

  it('who is no member neither reads, writes, nor learns that the room exists', async () => {
    const outsider: CallOptions = { token: bob.token };
    expect((await refused('GET', `/v1/rooms/${roster.room}`, outsider)).code).toBe('no_such_room');
    expect((await refused('GET', `/v1/rooms/${roster.room}/messages`, outsider)).code).toBe('no_such_room');
    const txnId = nextTxnId();
    const path = `/v1/rooms/${roster.room}`;
    const envelope = bob.seal(roster, txnId, 'let me in');
    const knock = { token: bob.token, json: { txnId: nextTxnId() } };
    const attempts: [string, string, CallOptions][] = [
      ['PUT', `${path}/messages/${txnId}`, { token: bob.token, json: { envelope } }],
      ['PUT', `${path}/members/bob`, knock],
      ['DELETE', `${path}/members/ada?txnId=${nextTxnId()}`, outsider],
      ['PATCH', path, { token: bob.token, json: { sealedMeta: envelope, txnId: nextTxnId() } }],
    ];
    for (const [method, where, options] of attempts) {
      expect([method, (await rejected(method, where, options)).code]).toEqual([method, 'no_such_room']);
    }
    expect((await ada.room(roster.room)).lastSeq).toBe(0);
  });

  it('a member who may not do this', async () => {
    const room = await ada.createRoom('group', [bob.account]);
    const asBob: CallOptions = { token: bob.token };
    const add = { ...asBob, json: { txnId: nextTxnId() } };
    expect((await rejected('PUT', `/v1/rooms/${room}/members/witness`, add)).code).toBe('forbidden');
    const remove = `/v1/rooms/${room}/members/ada?txnId=${nextTxnId()}`;
    expect((await rejected('DELETE', remove, asBob)).code).toBe('forbidden');
    const direct = await ada.directRoom(bob);
    const third = { token: ada.token, json: { txnId: nextTxnId() } };
    expect((await rejected('PUT', `/v1/rooms/${direct}/members/witness`, third)).code).toBe('not_a_group');
    const last = `/v1/devices/${ada.deviceId}?txnId=${nextTxnId()}`;
    expect((await rejected('DELETE', last, { token: ada.token })).code).toBe('forbidden');
  });

  it('a request without transaction id', async () => {
    expect((await refused('DELETE', '/v1/sessions/current', asAda())).data).toEqual({ field: 'txnId' });
    const key = { token: ada.token, headers: { 'idempotency-key': 'not-a-ulid' } };
    expect((await refused('DELETE', '/v1/sessions/current', key)).code).toBe('invalid_field');
  });

  describe('tokens', () => {
    it('missing, forged, or of another form', async () => {
      const forged = `${ada.token.slice(0, -4)}AAAA`;
      for (const token of ['', 'p1', 'p1.x.y', forged, bob.token.replace(bob.open!.session, ada.open!.session)]) {
        const headers = { authorization: `Bearer ${token}` };
        expect((await refused('GET', '/v1/rooms', { headers })).code).toBe('unauthenticated');
      }
      expect((await refused('GET', '/v1/rooms')).code).toBe('unauthenticated');
      const basic = { headers: { authorization: 'Basic YTpi' } };
      expect((await refused('GET', '/v1/rooms', basic)).code).toBe('unauthenticated');
    });

    it('expired: refresh brings a good one', async () => {
      const carl = await ApiPerson.join(server.url, 'carl');
      node.advance(LIMITS.accessTokenTtlMs);
      await ApiPerson.join(server.url, 'carla');
      const headers = { token: carl.token };
      const problem = await refused('GET', '/v1/rooms', headers);
      expect([problem.code, problem.retryable]).toEqual(['token_expired', true]);
      const attempt = carl.refreshBody();
      expect((await carl.refresh(attempt.json)).status).toBe(200);
      carl.take(attempt);
      expect((await carl.call('GET', '/v1/rooms')).status).toBe(200);
      await ada.login();
      await bob.login();
    });

    it('refreshing what is not there, or with a secret that never was one', async () => {
      const { json } = ada.refreshBody({ secret: new Uint8Array(32), hash: new Uint8Array(32) });
      expect((await rejected('POST', '/v1/sessions/refresh', { json })).code).toBe('unauthenticated');
      const elsewhere = { ...json, session: `S${'a'.repeat(26)}`, txnId: nextTxnId() };
      expect((await rejected('POST', '/v1/sessions/refresh', { json: elsewhere })).code).toBe('unauthenticated');
      expect((await ada.call('GET', '/v1/rooms')).status).toBe(200);
    });
  });

  describe('logging in', () => {
    const post = (json: object): Promise<ProblemJson> => refused('POST', '/v1/sessions', { json });

    it('a challenge that was used', async () => {
      const { body } = await ada.loginBody();
      expect((await call(server.url, 'POST', '/v1/sessions', { json: body })).status).toBe(200);
      const again = { ...body, txnId: nextTxnId() };
      expect((await rejected('POST', '/v1/sessions', { json: again })).code).toBe('challenge_replayed');
    });

    it('a challenge that is forged, of another device, or expired', async () => {
      const { body } = await ada.loginBody();
      const challenge = body['challenge'] as string;
      const flipped = (challenge.startsWith('A') ? 'B' : 'A') + challenge.slice(1);
      expect((await post({ ...body, challenge: flipped })).code).toBe('challenge_invalid');
      expect((await post({ ...body, challenge: challenge.slice(0, 64) })).code).toBe('challenge_invalid');
      const theirs = (await bob.loginBody()).body['challenge'];
      expect((await post({ ...body, challenge: theirs })).code).toBe('challenge_invalid');
      node.advance(2 * LIMITS.challengeTtlMs);
      expect((await post(body)).code).toBe('challenge_invalid');
    });

    it('signed by another key, or for other secrets', async () => {
      const { body } = await ada.loginBody();
      const { body: other } = await ada.loginBody();
      expect((await post({ ...body, signature: other['signature'] })).code).toBe('invalid_signature');
      expect((await post({ ...body, accessHash: other['accessHash'] })).code).toBe('invalid_signature');
      const { body: bobs } = await bob.loginBody();
      expect((await post({ ...bobs, device: ada.deviceId })).code).toBe('no_such_device');
    });

    it('signed for another server, which passes it on', async () => {
      const { body } = await ada.loginBody('https://evil.example');
      expect((await post(body)).code).toBe('origin_not_allowed');
      expect((await post({ ...body, origin: server.url })).code).toBe('invalid_signature');
      const port = new URL(server.url).port;
      const { body: local } = await ada.loginBody(`http://localhost:${port}`);
      expect((await call(server.url, 'POST', '/v1/sessions', { json: local })).status).toBe(200);
    });
  });

  describe('registering', () => {
    const register = async (json: object): Promise<string> => (await rejected('POST', '/v1/accounts', { json })).code;

    it('a name that is taken, a key that is known under another name', async () => {
      const rival = new ApiPerson(server.url, 'ada');
      expect(await register(rival.registration())).toBe('login_exists');
      expect(await register({ ...ada.registration(), name: 'ada-lovelace' })).toBe('already_registered');
      await ada.login();
      const known = await ada.call<{ accountId: string }>('GET', '/v1/accounts/ada');
      expect(known.body.accountId).toBe(ada.account);
      const device = { account: 'ada', device: rival.deviceId };
      expect((await refused('POST', '/v1/sessions/challenge', { json: device })).code).toBe('no_such_device');
    });

    it('a device that its user key did not sign', async () => {
      const dora = new ApiPerson(server.url, 'dora');
      const device = { ...dora.deviceRecord(), signature: ada.deviceRecord().signature };
      const json = { ...dora.registration(), device };
      expect((await refused('POST', '/v1/accounts', { json })).code).toBe('invalid_signature');
    });

    it('names that are none', async () => {
      for (const name of ['a', 'Ada', 'ada lovelace', '@ada', 'a'.repeat(33), 'аda', '']) {
        const json = new ApiPerson(server.url, name).registration();
        expect((await refused('POST', '/v1/accounts', { json })).data).toEqual({ field: 'name' });
      }
    });

    it('bytes that are not canonical base64url', async () => {
      const registration = new ApiPerson(server.url, 'emil').registration();
      const last = registration.userKey.at(-1)!;
      const twin = String.fromCharCode(last.charCodeAt(0) + 1);
      for (const userKey of [`${registration.userKey.slice(0, -1)}${twin}`, registration.userKey.replace(/.$/, '+')]) {
        expect((await refused('POST', '/v1/accounts', { json: { ...registration, userKey } })).code).toBe(
          'invalid_field',
        );
      }
    });
  });

  describe('sending', () => {
    const put = (txnId: string, envelope: string, room = roster.room): Promise<ProblemJson> =>
      refused('PUT', `/v1/rooms/${room}/messages/${txnId}`, asAda({ envelope }));

    it('what is no envelope, or not of this room, transaction, device or cluster', async () => {
      const txnId = nextTxnId();
      expect((await put(txnId, 'AAAA')).code).toBe('invalid_envelope');
      expect((await put(nextTxnId(), ada.seal(roster, txnId, 'x'))).code).toBe('invalid_envelope');
      expect((await put(txnId, bob.seal(roster, txnId, 'x'))).code).toBe('invalid_envelope');
      expect((await put(txnId, ada.seal(roster, txnId, 'x'), UNKNOWN_ROOM)).code).toBe('invalid_envelope');
      const cluster = ada.cluster!;
      ada.cluster = clusterIdOf(new Uint8Array(16).fill(9));
      expect((await put(txnId, ada.seal(roster, txnId, 'x'))).code).toBe('invalid_envelope');
      ada.cluster = cluster;
    });

    it('for devices that are not those of the room: says which are', async () => {
      const txnId = nextTxnId();
      const nobody = { ...roster, members: [] };
      const path = `/v1/rooms/${roster.room}/messages/${txnId}`;
      const problem = await rejected('PUT', path, asAda({ envelope: ada.seal(nobody, txnId, 'x') }));
      expect(problem.code).toBe('stale_devices');
      expect(problem.data).toMatchObject({
        rosterVersion: roster.rosterVersion,
        missing: [{ device: ada.deviceId }],
        extra: [],
      });
    });

    it('a transaction id that was used, with other content', async () => {
      const txnId = nextTxnId();
      const path = `/v1/rooms/${roster.room}/messages/${txnId}`;
      const { body } = await ada.send<{ seq: number }>(roster, 'once', txnId);
      expect(body.seq).toBe(1);
      const other = asAda({ envelope: ada.seal(roster, txnId, 'twice') });
      expect(await rejected('PUT', path, other)).toMatchObject({ code: 'txn_reused', status: 422 });
      expect((await ada.room(roster.room)).lastSeq).toBe(1);
      const create = { kind: 'group', members: [], txnId: nextTxnId() };
      expect((await ada.call('POST', '/v1/rooms', create)).status).toBe(200);
      const changed = asAda({ ...create, members: [bob.account] });
      expect(await rejected('POST', '/v1/rooms', changed)).toMatchObject({ code: 'txn_reused', status: 422 });
    });
  });

  it.each([
    ['too old', LIMITS.txnWindowMs + HOUR_MS, 'txn_expired'],
    ['of the future', -LIMITS.txnFutureMs - HOUR_MS, 'txn_from_future'],
  ])('transaction ids that are %s', async (_what, aheadMs, code) => {
    const other = new LocalChatNode({ startMs: Date.now() + aheadMs });
    const own = await serveForTest(other);
    const eve = new ApiPerson(own.url, 'eve');
    await eve.register();
    const { body: json } = await eve.loginBody();
    const before = other.reader.dump();
    const { body } = await call<ProblemJson>(own.url, 'POST', '/v1/sessions', { json });
    expect(body.code).toBe(code);
    expect(document.codes('POST', '/v1/sessions', body.status)).toContain(code);
    expect(other.reader.dump()).toEqual(before);
    await own.close(1_000);
  });

  it('cursors that are none, of another cluster, or of the future', async () => {
    const here = node.clusterId!;
    const foreign = encodeCursor(clusterIdOf(new Uint8Array(16).fill(9)), startOfEntry(1));
    const fresh = new LocalChatNode();
    const own = await serveForTest(fresh, { limits: { requestDeadlineMs: 50 } });
    const eve = await ApiPerson.join(own.url, 'eve');
    const read = (cursor: string): Promise<{ status: number; body: ProblemJson; headers: Headers }> =>
      eve.call<ProblemJson>('GET', `/v1/rooms?cursor=${cursor}`);
    expect((await read(foreign)).body.code).toBe('cursor_invalid');
    expect((await read('AAAA')).body.code).toBe('cursor_invalid');
    const behind = await read(encodeCursor(here, startOfEntry(1_000_000)));
    expect([behind.status, behind.body.code, behind.body.retryable]).toEqual([503, 'behind', true]);
    expect(behind.headers.get('retry-after')).toBe('1');
    await own.close(1_000);
  });
});
