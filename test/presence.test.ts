import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clusterStatus } from '../scripts/chaos/final-state.ts';
import { startScratchCluster } from '../scripts/load/scratch-cluster.ts';
import { apiUrl } from '../src/cli/local-cluster/layout.ts';
import { ApiPerson, nextTxnId } from '../src/testing/api-person.ts';
import { ParleyHome } from './parley-home.ts';
import { CHATD, until } from './support.ts';
import type { ScratchCluster } from '../scripts/load/scratch-cluster.ts';
import type { PersonPresenceJson } from '../src/protocol/http/presence.ts';
import type { ApiLimits } from '../src/api/config.ts';
import type { RoomId } from '../src/protocol/ids.ts';
import type { TestSocket } from '../src/testing/test-socket.ts';

/** Nodes that are silent for a little while only, and people who come back at once, are not gone. */
const LIMITS: Partial<ApiLimits> = {
  presenceBeatMs: 500,
  presenceExpiryMs: 4_000,
  presenceLingerMs: 500,
  perSessionSignals: { perSecond: 1_000, burst: 1_000 },
};

describe('presence and typing in a cluster', () => {
  let folder = '';
  let cluster: ScratchCluster;
  let urls: string[];
  const people: ApiPerson[] = [];
  let room: RoomId;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'parley-presence-'));
    const limitsFile = join(folder, 'limits.json');
    writeFileSync(limitsFile, JSON.stringify(LIMITS));
    const env = { CHATD_LIMITS: limitsFile };
    cluster = await startScratchCluster({
      ...{ nodes: 3, restart: false, keepRateLimits: true, env },
      say: () => {},
      chatdFile: CHATD,
    });
    urls = cluster.layout.nodes.map(apiUrl);
    for (const [i, name] of ['ann', 'bob', 'cay'].entries()) people.push(await ApiPerson.join(urls[i]!, name));
    room = await people[0]!.createRoom(
      'group',
      people.slice(1).map(({ account }) => account),
    );
  });
  afterAll(async () => {
    await cluster?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const statusOf = async (viewer: ApiPerson, name: string): Promise<PersonPresenceJson | undefined> => {
    const path = `/v1/rooms/${room}/presence?accounts=${name}`;
    return (await viewer.call<{ people?: PersonPresenceJson[] }>('GET', path)).body.people?.[0];
  };
  const seesAs = (viewer: ApiPerson, name: string, status: string): Promise<void> =>
    until(`${viewer.name} to see ${name} as ${status}`, async () => (await statusOf(viewer, name))?.status === status);
  /** Says it until it is heard: what is of the moment may be lost. */
  const typesTo = async (from: TestSocket, to: TestSocket): Promise<void> => {
    const before = to.of('typing').length;
    await until('typing to be heard', () => {
      from.send({ type: 'typing', room, active: true });
      return to.of('typing').length > before;
    });
  };

  it('reach the people of other nodes who share a room, as verbs of parley too', async () => {
    const [ann, bob, cay] = people as [ApiPerson, ApiPerson, ApiPerson];
    await seesAs(cay, 'ann', 'offline');
    const [one, three] = [await ann.live(), await cay.live()];
    await seesAs(cay, 'ann', 'online');
    three.send({
      type: 'watch',
      people: [
        { room, account: 'bob' },
        { room, account: 'ann' },
      ],
    });
    expect((await three.next('presence')).people.map(({ status }) => status)).toEqual(['offline', 'online']);
    one.send({ type: 'presence', status: 'busy' });
    expect((await three.next('presence')).people).toMatchObject([{ account: 'ann', status: 'busy' }]);
    await typesTo(one, three);
    expect(three.of('typing')[0]).toMatchObject({ room, account: 'ann', active: true });

    const home = new ParleyHome(join(folder, 'dan'));
    await home.json('--endpoint', urls[1]!, 'register', 'dan');
    await ann.call('PUT', `/v1/rooms/${room}/members/dan`, { txnId: nextTxnId() });
    const tail = home.start('--json', 'tail', `room:${room}`, '--typing', '--presence', 'away');
    await tail.noted('listening on');
    await seesAs(bob, 'dan', 'away');
    await until('typing to be shown', () => {
      one.send({ type: 'typing', room, active: true });
      return tail.lines.length > 0;
    });
    expect(JSON.parse(tail.lines[0]!)).toMatchObject({ typing: { room, account: 'ann', active: true } });
    const who = await home.json<PersonPresenceJson>('who', `room:${room}`);
    expect(who.map(({ account, status }) => `${account} ${status}`).toSorted()).toEqual([
      'ann busy',
      'bob offline',
      'cay online',
      'dan away',
    ]);
    const heard = three.of('typing').length;
    await home.json('typing', `room:${room}`);
    await until('dan to be heard', () => three.of('typing').length > heard);
    tail.child.kill('SIGTERM');
    await tail.ended;
    await seesAs(ann, 'dan', 'offline');
    home.close();
    for (const socket of [one, three]) socket.close();
  });

  it('outlive the leader; whoever was there only is gone when it has been silent for a while', async () => {
    const { leader } = await clusterStatus(cluster.layout);
    const at = cluster.layout.nodes.findIndex(({ name }) => name === leader);
    const [lost, near, far] = [0, 1, 2].map((i) => people[(at + i) % 3]!) as [ApiPerson, ApiPerson, ApiPerson];
    await lost.live();
    const [one, two] = [await near.live(), await far.live()];
    two.send({ type: 'watch', people: [lost, near].map(({ name }) => ({ room, account: name })) });
    for (const other of [lost, near]) await seesAs(far, other.name, 'online');

    await cluster.supervisor.killNode(leader!, { withSidecar: true });
    await typesTo(one, two);
    await until('the lost one to be told as gone', () =>
      two
        .of('presence')
        .some(({ people: told }) =>
          told.some(
            ({ account, status, lastSeen }) => account === lost.name && status === 'offline' && lastSeen !== null,
          ),
        ),
    );
    await seesAs(far, near.name, 'online');
    await until('another leader', async () => {
      const now = (await clusterStatus(cluster.layout)).leader;
      return now !== null && now !== leader;
    });
    one.send({ type: 'presence', status: 'invisible' });
    await seesAs(far, near.name, 'offline');
    lost.url = near.url;
    const moved = await lost.live();
    await seesAs(far, lost.name, 'online');
    await typesTo(moved, two);
    expect(two.of('typing').at(-1)).toMatchObject({ room, account: lost.name });
    for (const socket of [one, two, moved]) socket.close();
  });
});
