import { readFileSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { ApiPerson, call } from '../../testing/api-person.ts';
import { LocalChatNode } from '../../testing/local-chat-node.ts';
import { parseMetrics, scrape } from '../../testing/scrape.ts';
import { waitUntil } from '../../testing/wait-until.ts';
import { serveForTest } from '../test-server.ts';
import { Metrics } from './metrics.ts';
import type { TestServer } from '../test-server.ts';

let server: TestServer;
afterEach(() => server?.close(100));

/** Rows of its tables: `| \`name\` | type | labels | … |`. */
function documented(): Map<string, string> {
  const doc = readFileSync(new URL('../../../docs/METRICS.md', import.meta.url), 'utf8');
  const rows = doc.matchAll(/^\| `([a-z_]+)` \| (gauge|counter|histogram) \|/gm);
  return new Map(Array.from(rows, ([, name, type]) => [name!, type!]));
}

it('exports what docs/METRICS.md lists, and nothing else', async () => {
  server = await serveForTest(new LocalChatNode());
  const { types } = await scrape(server.url, 'admin');
  expect(types).toEqual(documented());
});

it('is for admins, and says so', async () => {
  server = await serveForTest(new LocalChatNode());
  expect((await call(server.url, 'GET', '/metrics')).status).toBe(401);
  const ann = await ApiPerson.join(server.url, 'ann');
  expect(await ann.call('GET', '/metrics')).toMatchObject({ status: 403, body: { code: 'forbidden' } });
  const answer = await fetch(`${server.url}/metrics`, { headers: { authorization: 'Bearer admin' } });
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
});

it('counts requests by their route, however many paths strangers make up', async () => {
  server = await serveForTest(new LocalChatNode());
  const ann = await ApiPerson.join(server.url, 'ann');
  const room = await ann.createRoom('group', []);
  for (const path of ['/v1/rooms/nowhere', `/v1/rooms/${room}`, `/v1/rooms/${room}`]) await ann.call('GET', path);
  for (const path of ['/a', '/b', '/v1/c?d=e']) await call(server.url, 'GET', path);
  const seen = await scrape(server.url, 'admin');
  const requests = (route: string, status: number): number | undefined =>
    seen.value(`parley_http_requests_total{method="GET",route="${route}",status="${status}"}`);
  expect(requests('/v1/rooms/:room', 200)).toBe(2);
  expect(requests('/v1/rooms/:room', 400)).toBe(1);
  expect(requests('none', 404)).toBe(3);
  expect(seen.value('parley_http_request_duration_seconds_count{method="GET",route="/v1/rooms/:room"}')).toBe(3);
});

it('counts feeds, and the sockets that it ended by why', async () => {
  server = await serveForTest(new LocalChatNode());
  const ann = await ApiPerson.join(server.url, 'ann');
  const socket = await ann.live();
  expect((await scrape(server.url, 'admin')).value('parley_feeds{kind="websocket"}')).toBe(1);
  socket.send('{');
  await socket.ended();
  await waitUntil(() => server.stats.sockets === 0, 5_000, 'the socket to be gone');
  const seen = await scrape(server.url, 'admin');
  expect(seen.value('parley_feeds{kind="websocket"}')).toBe(0);
  expect(seen.value('parley_sockets_ended_total{code="malformed_json"}')).toBe(1);
});

it('leaves out what cannot be said, rather than to say 0', async () => {
  const node = new LocalChatNode();
  const measures = await node.measures();
  const metrics = new Metrics();
  metrics.logWritten(3);
  const api = { version: '1', webSockets: 0, sentEvents: 0, queuedBytes: 0, presenceWatches: 0, queues: {} };
  const read = async (of: typeof measures): Promise<ReturnType<typeof parseMetrics>> =>
    parseMetrics(await metrics.text(of, api));
  const before = await read({ ...measures, disk: { ...measures.disk, freeBytes: 7 } });
  expect([before.value('parley_raft_term'), before.value('parley_disk_free_bytes')]).toEqual([1, 7]);
  expect(before.value('parley_log_write_duration_seconds_bucket{le="0.005"}')).toBe(1);
  expect(before.value('parley_log_write_duration_seconds_bucket{le="0.0025"}')).toBe(0);
  const damaged = await read({ ...measures, role: 'repairing', raft: null, leaderlessMs: Number.POSITIVE_INFINITY });
  for (const name of ['parley_raft_term', 'parley_disk_free_bytes', 'parley_raft_leaderless_seconds']) {
    expect([name, damaged.value(name)]).toEqual([name, undefined]);
  }
  expect(damaged.value('parley_raft_role{role="repairing"}')).toBe(1);
  expect(damaged.value('parley_raft_role{role="leader"}')).toBe(0);
});
