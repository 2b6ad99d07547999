import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clusterStatus } from '../scripts/chaos/final-state.ts';
import { requestJson } from '../scripts/load/http.ts';
import { createPerson, openDirectRoom } from '../scripts/load/person.ts';
import { startScratchCluster } from '../scripts/load/scratch-cluster.ts';
import { sealText } from '../scripts/load/sealed-texts.ts';
import { apiUrl } from '../src/cli/local-cluster/layout.ts';
import { whenReady } from '../src/cli/local-cluster/ready.ts';
import { CHATD, until } from './support.ts';
import type { Person } from '../scripts/load/person.ts';
import type { ScratchCluster } from '../scripts/load/scratch-cluster.ts';
import type { ClusterJson, RoomDetailJson } from '../src/protocol/http/schemas.ts';

const READS = 8;
const ROUNDS = 3;

describe('a cluster that reads from leases', () => {
  let cluster: ScratchCluster;
  let people: readonly [Person, Person];
  let room: RoomDetailJson;
  let sent = 0;
  beforeAll(async () => {
    cluster = await startScratchCluster({
      nodes: 3,
      restart: false,
      say: () => {},
      chatdFile: CHATD,
      env: { CHATD_READS: 'lease' },
    });
    const url = urlOf('n1');
    people = [await createPerson(url, 'ann'), await createPerson(url, 'bob')];
    room = await openDirectRoom(url, ...people);
  });
  afterAll(() => cluster.close());

  const urlOf = (name: string): string => apiUrl(cluster.layout.nodes.find((place) => place.name === name)!);

  /** @returns its place in the room */
  const send = async (node: string): Promise<number> => {
    const { txnId, envelope } = sealText(people[0], room, `message ${(sent += 1)}`, sent);
    const path = `/v1/rooms/${room.room}/messages/${txnId}`;
    const { seq } = await requestJson<{ seq: number }>(urlOf(node), 'PUT', path, {
      token: people[0].session.token,
      body: { envelope },
    });
    return seq;
  };

  /** What a linearizable read shows last; null when it is refused. */
  const read = async (node: string): Promise<number | null> => {
    const path = `/v1/rooms/${room.room}/messages?limit=1&consistency=linearizable`;
    const response = await fetch(urlOf(node) + path, {
      headers: { authorization: `Bearer ${people[0].session.token}` },
    });
    const body = (await response.json()) as { lastSeq: number };
    return response.ok ? body.lastSeq : null;
  };

  const leaderOf = async (node: string): Promise<string | null> =>
    (await requestJson<ClusterJson>(urlOf(node), 'GET', '/v1/cluster')).leader;

  it('shows what was written, on every node', async () => {
    const seq = await send('n2');
    for (const { name } of cluster.layout.nodes) expect(await read(name)).toBe(seq);
  });

  it('shows nothing old on a leader that was stopped, and deposed, and goes on', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const { leader } = await clusterStatus(cluster.layout);
      const others = cluster.layout.nodes.map(({ name }) => name).filter((name) => name !== leader);
      const before = await send(leader!);
      expect(await read(leader!)).toBe(before);

      cluster.supervisor.child(leader!)!.kill('SIGSTOP');
      await until('another leads', async () => {
        const now = await Promise.all(others.map(leaderOf));
        return now.every((name) => name !== null && name !== leader);
      });
      const after = await send(others[0]!);
      // They wait in the sockets of the stopped process, which will read them before it hears of anything else.
      const reads = Array.from({ length: READS }, () => read(leader!));
      await new Promise((resolve) => setTimeout(resolve, 50));
      cluster.supervisor.child(leader!)!.kill('SIGCONT');

      for (const shown of await Promise.all(reads)) {
        if (shown !== null) expect(shown).toBeGreaterThanOrEqual(after);
      }
      expect(await whenReady(cluster.layout, { timeoutMs: 60_000 })).toBe(true);
    }
  }, 120_000);

  it('reads on while a node is down, and when it is back', async () => {
    const { leader } = await clusterStatus(cluster.layout);
    const follower = cluster.layout.nodes.map(({ name }) => name).find((name) => name !== leader)!;
    await cluster.supervisor.killNode(follower, { withSidecar: false });
    const seq = await send(leader!);
    expect(await read(leader!)).toBe(seq);
    cluster.supervisor.startNode(follower);
    expect(await whenReady(cluster.layout, { timeoutMs: 60_000 })).toBe(true);
  });
});
