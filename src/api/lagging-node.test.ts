import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { serveForTest } from './test-server.ts';
import { ApiPerson, call, nextTxnId } from '../testing/api-person.ts';
import { laggingBehind } from '../testing/lagging-node.ts';
import { LocalChatNode } from '../testing/local-chat-node.ts';
import { createSessionSecret, formatAccessToken } from '../crypto/tokens.ts';
import type { LaggingNode } from '../testing/lagging-node.ts';
import type { ProblemJson } from '../protocol/http/schemas.ts';
import type { SessionId } from '../protocol/ids.ts';
import type { TestServer } from './test-server.ts';

describe('a node that has not heard yet of what another has done', () => {
  const leading = new LocalChatNode();
  let first: TestServer;
  let second: TestServer;
  let lagging: LaggingNode;
  let ada: ApiPerson;
  let people = 0;

  const newName = (): string => `person-${(people += 1)}`;

  beforeAll(async () => {
    first = await serveForTest(leading);
    lagging = laggingBehind(leading);
    second = await serveForTest(lagging.node, { config: { origins: [first.url] } });
    ada = await ApiPerson.join(first.url, 'ada');
  });
  beforeEach(() => lagging.fallBehind());
  afterAll(async () => {
    await second.close(1_000);
    await first.close(1_000);
  });

  it('takes the token of a session that began elsewhere', async () => {
    const { token } = await ada.login();
    expect((await call(second.url, 'GET', '/v1/rooms', { token })).status).toBe(200);
  });

  it('takes a token that was renewed elsewhere', async () => {
    const attempt = ada.refreshBody();
    expect((await ada.refresh(attempt.json)).status).toBe(200);
    ada.take(attempt);
    expect((await call(second.url, 'GET', '/v1/rooms', { token: ada.token })).status).toBe(200);
  });

  it('opens a live feed for such a token', async () => {
    await ada.login();
    ada.url = second.url;
    const socket = await ada.live();
    expect(socket.of('ready')[0]?.session).toBe(ada.open?.session);
    socket.close();
    ada.url = first.url;
  });

  it('lets somebody log in who registered elsewhere', async () => {
    const name = newName();
    const person = new ApiPerson(first.url, name);
    expect((await person.register()).status).toBe(200);
    person.url = second.url;
    expect((await person.login()).session).toMatch(/^S/);
  });

  it('adds a member who registered elsewhere', async () => {
    const room = await ada.createRoom('group', []);
    lagging.fallBehind();
    const name = newName();
    await new ApiPerson(first.url, name).register();
    const json = { txnId: nextTxnId() };
    const path = `/v1/rooms/${room}/members/${name}`;
    expect((await call(second.url, 'PUT', path, { token: ada.token, json })).status).toBe(200);
  });

  it('tells a device that waits what it is waiting for', async () => {
    const device = new ApiPerson(first.url, 'ada', { user: ada.user });
    const { signature: _unsigned, ...keys } = device.deviceRecord();
    await device.call('POST', '/v1/accounts/ada/device-requests', { ...keys, txnId: nextTxnId() });
    const path = `/v1/accounts/ada/device-requests/${device.deviceId}`;
    expect((await call<{ state: string }>(second.url, 'GET', path)).body.state).toBe('pending');
  });

  it('refuses what the cluster does not know either', async () => {
    const { session } = ada.open!;
    const { secret } = createSessionSecret((length) => new Uint8Array(length).fill(9));
    const nobody = `S${'a'.repeat(26)}` as SessionId;
    for (const token of [formatAccessToken(session, secret), formatAccessToken(nobody, secret)]) {
      const { status, body } = await call<ProblemJson>(second.url, 'GET', '/v1/rooms', { token });
      expect([status, body.code]).toEqual([401, 'unauthenticated']);
    }
  });

  it('cannot tell without a leader, and says that, not that the token is wrong', async () => {
    const known = ada.token;
    const { token } = await (await ApiPerson.join(first.url, newName())).login();
    for (const leaderlessMs of [100, 60_000]) {
      leading.loseLeader(leaderlessMs);
      const { status, body } = await call<ProblemJson>(second.url, 'GET', '/v1/rooms', { token });
      expect([status, body.code, body.retryable]).toEqual([503, 'no_leader', true]);
      expect((await call(second.url, 'GET', '/v1/rooms', { token: known })).status).toBe(200);
    }
    leading.loseLeader(0);
    expect((await call(second.url, 'GET', '/v1/rooms', { token })).status).toBe(200);
  });

  it('does not ask the cluster for whoever guesses tokens too often', async () => {
    const limits = { perAddressLogin: { perSecond: 0.001, burst: 2 } };
    const guarded = await serveForTest(leading, { limits });
    const { secret } = createSessionSecret((length) => new Uint8Array(length).fill(9));
    const token = formatAccessToken(`S${'b'.repeat(26)}` as SessionId, secret);
    const codes: string[] = [];
    for (let i = 0; i < 3; i++) {
      codes.push((await call<ProblemJson>(guarded.url, 'GET', '/v1/rooms', { token })).body.code);
    }
    expect(codes).toEqual(['unauthenticated', 'unauthenticated', 'rate_limited']);
    expect((await call(guarded.url, 'GET', '/v1/rooms', { token: ada.token })).status).toBe(200);
    await guarded.close(1_000);
  });
});
