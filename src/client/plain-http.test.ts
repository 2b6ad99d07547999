import { describe, expect, it } from 'vitest';
import { TestClient } from '../testing/client/test-client.ts';
import { answerOf } from '../testing/client/test-network.ts';
import { isReadableOnTheWay } from './plain-http.ts';

describe('plain HTTP', () => {
  it('is for this machine; what only looks like it is not', () => {
    const own = [
      'http://127.0.0.1:8081',
      'http://localhost',
      'http://n1.localhost:1',
      'http://[::1]:8081',
      'http://127.1.2.3',
    ];
    expect(own.filter(isReadableOnTheWay)).toEqual([]);
    const others = [
      'http://10.0.0.1',
      'http://127.example.com',
      'http://localhost.example.com',
      'http://[::2]',
      'ws://a.example',
    ];
    expect(others.filter(isReadableOnTheWay)).toEqual(others);
    expect(isReadableOnTheWay('https://chat.example')).toBe(false);
  });

  it('is refused before anything is sent, unless it is wanted; then that is remembered', async () => {
    const endpoints = ['http://chat.example'];
    const refused = TestClient.open({ endpoints });
    await expect(refused).rejects.toMatchObject({ code: 'usage', exitCode: 2 });
    const wanted = await TestClient.open({ endpoints, insecureHttp: true });
    const again = await TestClient.open({ endpoints, store: wanted.store });
    again.network.interpose(() => Promise.resolve(answerOf({ code: 'internal' }, 500)));
    await expect(again.client.account.register('ann', undefined)).rejects.toMatchObject({ code: 'internal' });
  });

  it('is not where a node leads to, either', async () => {
    const local = await TestClient.open({ endpoints: ['http://127.0.0.1:1'] });
    const node = (url: string) => ({ id: 'n1', url, up: true, load: null });
    const urls = ['http://evil.example', 'https://good.example', 'http://127.0.0.1:2'];
    const cluster = {
      clusterId: `C${'a'.repeat(26)}`,
      node: 'n1',
      leader: null,
      term: 0,
      registration: 'open',
      nodes: urls.map(node),
    };
    local.network.interpose(({ path }) =>
      Promise.resolve(path === '/v1/cluster' ? answerOf(cluster) : answerOf({ code: 'internal' }, 500)),
    );
    await expect(local.client.account.register('ann', undefined)).rejects.toMatchObject({ code: 'internal' });
    const asked = new Set(local.network.made.map(({ origin }) => origin));
    expect([...asked]).toEqual(['http://127.0.0.1:1']);
    expect(
      await local.store.transaction((tx) => tx.get('nodes')).then((bytes) => Buffer.from(bytes!).toString()),
    ).toMatch(/good\.example.*127\.0\.0\.1:2/s);
    expect(
      await local.store.transaction((tx) => tx.get('nodes')).then((bytes) => Buffer.from(bytes!).toString()),
    ).not.toMatch(/evil/);
  });
});
