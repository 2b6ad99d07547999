import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serveForTest } from '../api/test-server.ts';
import { TestClient } from '../testing/client/test-client.ts';
import { answerOf } from '../testing/client/test-network.ts';
import { LocalChatNode } from '../testing/local-chat-node.ts';
import { clusterIdOf } from '../protocol/derive-ids.ts';
import type { TestServer } from '../api/test-server.ts';

describe('registering', () => {
  let server: TestServer;
  let endpoints: string[];
  beforeAll(async () => {
    server = await serveForTest(new LocalChatNode());
    endpoints = [server.url];
  });
  afterAll(() => server.close(1_000));

  const refusal = (work: Promise<unknown>): Promise<{ code: string; message: string; exitCode: number }> =>
    work.then(
      () => expect.fail('it was not refused'),
      (error: { code: string; message: string; exitCode: number }) => error,
    );

  it('makes an account whose only device is this one', async () => {
    const ann = await TestClient.open({ endpoints });
    const enrolled = await ann.client.account.register('@Ann', undefined);
    expect(enrolled.account).toBe('ann');
    expect(await ann.client.account.devices()).toEqual([{ device: enrolled.device, own: true }]);
    expect(await ann.client.whoAmI()).toMatchObject({ account: 'ann', device: enrolled.device, endpoints });
  });

  it('is the same registration when its answer got lost', async () => {
    const bob = await TestClient.open({ endpoints });
    bob.network.loseAnswer('POST', /^\/v1\/accounts$/);
    const { device } = await bob.client.account.register('bob', undefined);
    expect(bob.network.count('POST', /^\/v1\/accounts$/)).toBe(2);
    expect(await bob.client.account.devices()).toEqual([{ device, own: true }]);
  });

  it('is taken up again with the same keys by a later program', async () => {
    const first = await TestClient.open({ endpoints });
    first.network.interpose((request) =>
      request.method === 'POST' ? request.deliver().then(() => answerOf({ code: 'internal' }, 500)) : undefined,
    );
    expect((await refusal(first.client.account.register('carl', undefined))).code).toBe('internal');
    const later = await TestClient.open({ endpoints, store: first.store });
    const { device } = await later.client.account.register('carl', undefined);
    expect(await later.client.account.devices()).toEqual([{ device, own: true }]);
  });

  it('does not lose the key of an interrupted registration when another name is tried', async () => {
    const first = await TestClient.open({ endpoints });
    first.network.interpose((request) =>
      request.method === 'POST' ? request.deliver().then(() => answerOf({ code: 'internal' }, 500)) : undefined,
    );
    await refusal(first.client.account.register('dora', undefined));
    const later = await TestClient.open({ endpoints, store: first.store });
    const refused = await refusal(later.client.account.register('dorothy', undefined));
    expect(refused).toMatchObject({ code: 'already_registered', exitCode: 7 });
    expect(refused.message).toContain('register dora');
    expect(await later.client.account.register('dora', undefined)).toMatchObject({ account: 'dora' });
  });

  it('takes another name after an attempt that nobody heard', async () => {
    const erna = await TestClient.open({ endpoints });
    const heal = erna.network.interpose((request) =>
      request.method === 'POST' ? Promise.resolve(answerOf({ code: 'invite_required' }, 403)) : undefined,
    );
    await refusal(erna.client.account.register('erna', undefined));
    heal();
    await erna.client.account.register('ernestine', undefined);
    expect((await erna.client.whoAmI()).account).toBe('ernestine');
  });

  it('says that a name is taken, and goes on with another', async () => {
    await TestClient.registered('frida', { endpoints });
    const other = await TestClient.open({ endpoints });
    expect(await refusal(other.client.account.register('frida', undefined))).toMatchObject({
      code: 'login_exists',
      exitCode: 7,
    });
    expect(await refusal(other.client.whoAmI())).toMatchObject({ code: 'unauthenticated', exitCode: 5 });
    await other.client.account.register('frida2', undefined);
    expect((await other.client.whoAmI()).account).toBe('frida2');
  });

  it('refuses what is no name before anybody is asked, and a home that is taken', async () => {
    const gus = await TestClient.registered('gus', { endpoints });
    expect(await refusal(gus.client.account.register('gustav', undefined))).toMatchObject({ code: 'device_exists' });
    const { network, client } = await TestClient.open({ endpoints });
    for (const name of ['a', 'With Space', 'x'.repeat(33), '../etc', '', '@@bob']) {
      expect(await refusal(client.account.register(name, undefined))).toMatchObject({ code: 'usage', exitCode: 2 });
    }
    expect(network.made).toEqual([]);
  });

  it('needs an invitation where the cluster asks for one', async () => {
    const closed = await serveForTest(new LocalChatNode({ registration: 'invite' }));
    const hans = await TestClient.open({ endpoints: [closed.url] });
    expect(await refusal(hans.client.account.register('hans', undefined))).toMatchObject({ code: 'invite_required' });
    expect(await refusal(hans.client.account.register('hans', 'made-up'))).toMatchObject({ code: 'invite_required' });
    await closed.close(0);
  });

  it('belongs to the cluster it registered with, not to one that was tried before', async () => {
    const clusterId = clusterIdOf(new Uint8Array(16));
    const elsewhere = await serveForTest(new LocalChatNode({ registration: 'closed', clusterId }));
    const first = await TestClient.open({ endpoints: [elsewhere.url] });
    expect(await refusal(first.client.account.register('ida', undefined))).toMatchObject({
      code: 'registration_closed',
      exitCode: 5,
    });
    await elsewhere.close(0);
    const ida = await TestClient.open({ endpoints, store: first.store });
    await ida.client.account.register('ida', undefined);
    await TestClient.registered('jan', { endpoints });
    expect(await ida.say('@jan', 'hello')).toBe(1);
  });
});
