import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serveForTest } from '../api/test-server.ts';
import { createDeviceKeys, createUserKey, publicDeviceKeys, signDeviceRecord } from '../crypto/identity.ts';
import { nodeRandom } from '../crypto/node-random.ts';
import { sealUserKey } from '../crypto/hpke-user-key.ts';
import { toBase64Url } from '../protocol/base64url.ts';
import { LIMITS } from '../protocol/limits.ts';
import { TestClient } from '../testing/client/test-client.ts';
import { problemOf } from '../testing/client/test-network.ts';
import { LocalChatNode } from '../testing/local-chat-node.ts';
import { waitUntil } from '../testing/wait-until.ts';
import { deviceKeysIn, deviceRecordJson } from './device-json.ts';
import type { TestServer } from '../api/test-server.ts';
import type { PublicDeviceKeys } from '../protocol/device-record.ts';
import type { DeviceId } from '../protocol/ids.ts';

const STATUS = /\/device-requests\/D/;
const WAIT_MS = 20_000;

const mallory = createUserKey(nodeRandom);
const evil = publicDeviceKeys(createDeviceKeys(nodeRandom));
const sealed = (to: PublicDeviceKeys): Uint8Array => sealUserKey(mallory, to, nodeRandom)!;

interface RequestsJson {
  requests: { device: string; signingKey: string; sealingKey: string; expiresAt: string }[];
}

describe('a further device', () => {
  let node: LocalChatNode;
  let server: TestServer;
  let endpoints: string[];
  let names = 0;
  let first: TestClient;
  let name: string;

  beforeAll(async () => {
    node = new LocalChatNode();
    server = await serveForTest(node);
    endpoints = [server.url];
  });
  afterAll(() => server.close(1_000));

  const nobody = async (): Promise<TestClient> => {
    name = `ann${++names}`;
    first = await TestClient.registered(name, { endpoints });
    return TestClient.open({ endpoints });
  };
  const devicesOf = async (person: TestClient): Promise<DeviceId[]> =>
    (await person.client.account.devices()).map(({ device }) => device);

  it('is enrolled by the code that it shows, and writes and reads from then on', async () => {
    const second = await nobody();
    const friend = await TestClient.registered(`friend${names}`, { endpoints });
    await friend.say(`@${name}`, 'before');
    const { code, device } = await second.client.enrolment.request(name);
    expect(code).toMatch(/^[0-9A-Z]{4}(-[0-9A-Z]{4}){3}$/);
    const waiting = second.client.enrolment.awaitApproval(WAIT_MS);
    expect(await first.client.enrolment.approve(code.toLowerCase().replaceAll('-', ' '))).toEqual({ device });
    expect(await waiting).toEqual({ account: name, device });
    expect((await devicesOf(second)).toSorted()).toEqual((await devicesOf(first)).toSorted());
    await friend.say(`@${name}`, 'after');
    expect(await second.texts(`@friend${names}`)).toEqual(['(before_device)', 'after']);
    await second.say(`@friend${names}`, 'from the second');
    expect(await first.texts(`@friend${names}`)).toEqual(['before', 'after', 'from the second']);
    // It holds the user key now, so it can approve others itself.
    const third = await TestClient.open({ endpoints });
    const asked = await third.client.enrolment.request(name);
    await second.client.enrolment.approve(asked.code);
    expect(await third.client.enrolment.awaitApproval(WAIT_MS)).toMatchObject({ account: name });
  });

  it('is not enrolled by another code', async () => {
    const second = await nobody();
    const { code } = await second.client.enrolment.request(name);
    const wrong = code.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
    const { enrolment } = first.client;
    await expect(enrolment.approve(wrong)).rejects.toMatchObject({ code: 'no_such_request', exitCode: 6 });
    await expect(enrolment.approve('ABCD')).rejects.toMatchObject({ code: 'usage', exitCode: 2 });
    expect(await devicesOf(first)).toHaveLength(1);
  });

  it('is not enrolled with keys that a node has swapped', async () => {
    const second = await nobody();
    const { code } = await second.client.enrolment.request(name);
    first.network.lie<RequestsJson>('GET', /^\/v1\/device-requests/, ({ requests }) => ({
      requests: requests.map((request) => ({
        ...request,
        device: evil.device,
        signingKey: toBase64Url(evil.signingKey),
        sealingKey: toBase64Url(evil.sealingKey),
      })),
    }));
    await expect(first.client.enrolment.approve(code)).rejects.toMatchObject({ code: 'no_such_request' });
    expect(first.network.count('PUT', /devices/)).toBe(0);
  });

  it.each<[string, (asked: PublicDeviceKeys) => object]>([
    ['signed by somebody else', (asked) => ({ record: deviceRecordJson(signDeviceRecord(mallory, asked)) })],
    ['of another device', () => ({ record: deviceRecordJson(signDeviceRecord(mallory, evil)) })],
    ['by another account', () => ({ userKey: toBase64Url(mallory.signing.publicKey) })],
    ['with the key of another account', (asked) => ({ sealedUserKey: toBase64Url(sealed(asked)) })],
    ['with a key that is sealed to nobody', () => ({ sealedUserKey: toBase64Url(new Uint8Array(80)) })],
    ['with nothing for a key', () => ({ sealedUserKey: 'AA' })],
  ])('refuses an approval %s', async (_what, forged) => {
    const second = await nobody();
    const { code } = await second.client.enrolment.request(name);
    await first.client.enrolment.approve(code);
    const [posted] = second.network.bodies('POST', /device-requests/);
    const asked = deviceKeysIn(posted as unknown as Parameters<typeof deviceKeysIn>[0]);
    const stop = second.network.lie<object>('GET', STATUS, (answer) => ({ ...answer, ...forged(asked) }));
    const waiting = second.client.enrolment.awaitApproval(WAIT_MS);
    await expect(waiting).rejects.toMatchObject({ code: 'invalid_signature' });
    await expect(second.client.whoAmI()).rejects.toMatchObject({ code: 'unauthenticated' });
    stop();
    expect(await second.client.enrolment.awaitApproval(WAIT_MS)).toMatchObject({ account: name });
  });

  it('takes up an interrupted login with the same code, and finds that it was approved meanwhile', async () => {
    const second = await nobody();
    const { code, device } = await second.client.enrolment.request(name);
    const again = await TestClient.open({ endpoints, store: second.store.kill() });
    expect(await again.client.enrolment.request(name)).toEqual({ code, device });
    await first.client.enrolment.approve(code);
    const later = await TestClient.open({ endpoints, store: again.store.kill() });
    expect(await later.client.enrolment.request(name)).toEqual({ code, device });
    expect(await later.client.enrolment.awaitApproval(WAIT_MS)).toEqual({ account: name, device });
  });

  it('asks again when the nodes have forgotten it, and still has the same code', async () => {
    const second = await nobody();
    const { code } = await second.client.enrolment.request(name);
    node.advance(LIMITS.deviceRequestTtlMs + 1);
    await TestClient.registered(`ticker${names}`, { endpoints });
    const waiting = second.client.enrolment.awaitApproval(WAIT_MS);
    await waitUntil(() => second.network.count('POST', /device-requests$/) === 2);
    await waitUntil(() => first.client.enrolment.approve(code).then(Boolean, () => false));
    expect(await waiting).toMatchObject({ account: name });
  });

  it('goes on waiting while no node answers, until it is told to end', async () => {
    const second = await nobody();
    await second.client.enrolment.request(name);
    const stopping = new AbortController();
    let refused = 0;
    second.network.answer('GET', STATUS, () => {
      refused += 1;
      if (refused === 3) stopping.abort();
      return problemOf('no_leader', 503);
    });
    const waiting = second.client.enrolment.awaitApproval(WAIT_MS, stopping.signal);
    await expect(waiting).rejects.toMatchObject({ code: 'deadline_exceeded' });
    expect(refused).toBe(3);
  });

  it('says when nobody approves in time', async () => {
    const second = await nobody();
    await second.client.enrolment.request(name);
    const waiting = second.client.enrolment.awaitApproval(50);
    await expect(waiting).rejects.toMatchObject({ code: 'deadline_exceeded', exitCode: 8 });
  });

  it('says that there is no such account, and takes another name then', async () => {
    const second = await nobody();
    const asked = second.client.enrolment.request('nobody-at-all');
    await expect(asked).rejects.toMatchObject({ code: 'no_such_user', exitCode: 6 });
    expect(await second.client.enrolment.request(name)).toHaveProperty('code');
  });

  it('starts with new keys when its approval is too old to be fetched', async () => {
    const second = await nobody();
    const { code, device } = await second.client.enrolment.request(name);
    await first.client.enrolment.approve(code);
    const stop = second.network.lie<object>('GET', STATUS, (answer) => ({ ...answer, sealedUserKey: undefined }));
    const waiting = second.client.enrolment.awaitApproval(WAIT_MS);
    await expect(waiting).rejects.toMatchObject({ code: 'no_such_request' });
    stop();
    expect((await second.client.enrolment.request(name)).device).not.toBe(device);
  });

  it('reads the names of rooms after it was approved', async () => {
    const second = await nobody();
    await first.client.rooms.createGroup('garden', [], WAIT_MS);
    const { code } = await second.client.enrolment.request(name);
    await first.client.enrolment.approve(code);
    await second.client.enrolment.awaitApproval(WAIT_MS);
    expect(await second.client.rooms.list(WAIT_MS)).toMatchObject([{ kind: 'group', name: null }]);
    await first.client.rooms.resealNames(WAIT_MS);
    expect(await second.client.rooms.list(WAIT_MS)).toMatchObject([{ kind: 'group', name: 'garden' }]);
    expect(await second.say('garden', 'hello')).toBe(1);
  });
});
