import { describe, expect, it } from 'vitest';
import { TestClient } from '../testing/client/test-client.ts';
import { answerOf, problemOf, TestNetwork } from '../testing/client/test-network.ts';
import { anything } from './answers.ts';
import { ApiClient } from './api-client.ts';
import type { TestRequest } from '../testing/client/test-network.ts';

const ENDPOINTS = ['https://one.example', 'https://two.example', 'https://three.example'];
const REQUEST = { method: 'GET', path: '/v1/cluster', answer: anything } as const;

describe('requests to nodes', () => {
  const apiWith = async (answer: (request: TestRequest, attempt: number) => Response | Promise<Response>) => {
    const network = new TestNetwork();
    network.interpose((request) => Promise.resolve(answer(request, network.made.length)));
    const { platform } = await TestClient.open({ endpoints: ENDPOINTS, network });
    const waits: number[] = [];
    const pause = (ms: number): Promise<void> => {
      waits.push(ms);
      return Promise.resolve();
    };
    return { api: new ApiClient({ ...platform, pause }, ENDPOINTS), network, waits };
  };
  const originsOf = (network: TestNetwork): string[] => network.made.map(({ origin }) => origin);

  it('stay with the node that answers', async () => {
    const { api, network } = await apiWith(() => answerOf({}));
    for (let i = 0; i < 3; i++) await api.call(REQUEST, 1_000);
    expect(originsOf(network)).toEqual([ENDPOINTS[0], ENDPOINTS[0], ENDPOINTS[0]]);
  });

  it('go round the nodes, in order, and pause after each round a little longer', async () => {
    const { api, network, waits } = await apiWith((_, attempt) =>
      attempt < 9 ? Promise.reject(new TypeError('refused')) : answerOf({}),
    );
    await api.call(REQUEST, 60_000);
    expect(originsOf(network)).toEqual([...ENDPOINTS, ...ENDPOINTS, ...ENDPOINTS]);
    const rounds = [2, 5].map((i) => waits[i]!);
    expect(waits.filter((ms) => ms > 0)).toEqual(rounds);
    expect(rounds[1]).toBe(2 * rounds[0]!);
  });

  it('are not repeated when a repetition cannot help', async () => {
    const { api, network } = await apiWith(() => problemOf('forbidden', 403));
    await expect(api.call(REQUEST, 1_000)).rejects.toMatchObject({ code: 'forbidden', exitCode: 5 });
    expect(network.made).toHaveLength(1);
  });

  it.each([
    [250, 250],
    [1e15, 10_000],
    ['soon', 0],
    [-5, 0],
    [null, 0],
  ])('wait when a node asks for it (%s), but not for ever', async (retryAfterMs, waited) => {
    const { api, waits } = await apiWith((_, attempt) =>
      attempt === 1 ? problemOf('no_leader', 503, { retryAfterMs }) : answerOf({}),
    );
    await api.call(REQUEST, 60_000);
    expect(waits).toEqual([waited]);
  });

  it.each<[string, () => Response]>([
    ['no JSON', () => new Response('<html>', { status: 200 })],
    ['nothing', () => new Response(null, { status: 204 })],
    ['a refusal of its own', () => answerOf({ error: 'no' }, 400)],
    ['an unknown code', () => problemOf('made_up', 400)],
    ['a code that every object has', () => problemOf('constructor', 400)],
    ['null', () => answerOf(null, 500)],
  ])('count %s as no answer', async (_what, odd) => {
    const { api, network } = await apiWith((_, attempt) => (attempt === 1 ? odd() : answerOf({ ok: 1 })));
    expect(await api.call(REQUEST, 60_000)).toEqual({ ok: 1 });
    expect(originsOf(network)).toEqual(ENDPOINTS.slice(0, 2));
  });

  it('say what a node had to say rather than that others are gone', async () => {
    const { api } = await apiWith((_, attempt) =>
      attempt === 2 ? problemOf('no_leader', 503) : Promise.reject(new TypeError('refused')),
    );
    await expect(api.call(REQUEST, 300)).rejects.toMatchObject({ code: 'no_leader', exitCode: 4 });
  });

  it('keep a node’s sentence to a length, and its data to what it is', async () => {
    const { api } = await apiWith(() => problemOf('forbidden', 403, { detail: 'x'.repeat(10_000), data: 'text' }));
    const error = await api.call(REQUEST, 100).catch((refusal: unknown) => refusal as Error & { data: object });
    expect((error as Error).message).toHaveLength(500);
    expect(error).toMatchObject({ data: {} });
  });

  it('end when they are told to', async () => {
    const stopping = new AbortController();
    const { api, network } = await apiWith((_, attempt) => {
      if (attempt === 4) stopping.abort();
      return Promise.reject(new TypeError('refused'));
    });
    await expect(api.call(REQUEST, 60_000, stopping.signal)).rejects.toMatchObject({ code: 'cannot_connect' });
    expect(network.made).toHaveLength(4);
  });

  it('are given up when a node takes too long', async () => {
    const { api, network } = await apiWith(({ swallow }) => swallow());
    await expect(api.call(REQUEST, 300)).rejects.toMatchObject({ code: 'deadline_exceeded', exitCode: 8 });
    expect(network.made.length).toBeGreaterThan(0);
  });
});
