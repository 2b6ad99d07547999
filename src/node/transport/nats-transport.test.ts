import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { connect, nkeyAuthenticator } from 'nats';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NodeName } from '../../protocol/ids.ts';
import { describeTransport } from '../../testing/contracts/transport.contract.ts';
import { freePorts } from '../../testing/free-ports.ts';
import { CLUSTER_SECRET, directory, NatsCluster } from '../../testing/nats-cluster.ts';
import { testIdentity } from '../../testing/test-identity.ts';
import { waitUntil } from '../../testing/wait-until.ts';
import type { TransportChildConfig } from '../../testing/transport-child.ts';
import { appendTo, beatTo, inboxOf, NODES, type Inbox } from '../../testing/transport-traffic.ts';
import { systemClock } from '../system-clock.ts';
import { RingKeys } from '../ring/ring-keys.ts';
import { ClusterKeys } from './cluster-keys.ts';
import { ensureNatsServer } from './find-nats-server.ts';
import { nodeRandom } from '../../crypto/node-random.ts';
import { NatsTransport } from './nats-transport.ts';
import { nodeNkey } from './node-nkey.ts';
import { Pairs } from './pairs.ts';
import { Subjects } from './subjects.ts';

describeTransport('NATS', () => NatsCluster.start());

const [n1, n2, n3] = NODES as [NodeName, NodeName, NodeName];
const keys = new ClusterKeys(CLUSTER_SECRET);
const subjects = new Subjects(keys.tagHex);

const noRing = (): RingKeys => new RingKeys(() => 0);
let cluster: NatsCluster;
const cleanups: (() => unknown)[] = [];
const cleanUp = async (): Promise<void> => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await cluster.close();
};

describe('NatsTransport', () => {
  let inbox: Inbox;
  beforeEach(async () => {
    cluster = await NatsCluster.start();
    inbox = inboxOf(cluster.transport(n2));
  });
  afterEach(cleanUp);

  it('publishes an append once to all who hold the key of the ring', async () => {
    for (const node of NODES) cluster.ring(node).adopt({ epoch: 1, key: new Uint8Array(32).fill(7) }, false);
    const { counters } = cluster.transport(n1);
    await waitUntil(() => {
      cluster.transport(n1).sendRaft([appendTo(n2, 1, Uint8Array.of(1)), appendTo(n3, 1, Uint8Array.of(1))]);
      return counters.sharedFramesSent > 0;
    });
    const heard = inboxOf(cluster.transport(n3));
    const before = inbox.raft.length;
    const shared = counters.sharedFramesSent;
    cluster.transport(n1).sendRaft([appendTo(n2, 2, Uint8Array.of(2)), appendTo(n3, 2, Uint8Array.of(2))]);
    expect(counters.sharedFramesSent).toBe(shared + 1);
    await waitUntil(() => inbox.raft.length > before && heard.raft.length > 0);
    expect(inbox.raft.at(-1)).toEqual({ message: appendTo(n2, 2, Uint8Array.of(2)), from: n1 });
    expect(heard.raft.at(-1)).toEqual({ message: appendTo(n3, 2, Uint8Array.of(2)), from: n1 });
  });

  it('seals an append to several peers for each of them before there is one', async () => {
    const { counters } = cluster.transport(n1);
    const other = inboxOf(cluster.transport(n3));
    cluster.transport(n1).sendRaft([appendTo(n2, 1, Uint8Array.of(1)), appendTo(n3, 1, Uint8Array.of(1))]);
    await waitUntil(() => inbox.raft.length === 1 && other.raft.length === 1);
    expect(counters.sharedFramesSent).toBe(0);
  });

  it('tells two processes that run as one node of each other', async () => {
    await waitUntil(() => cluster.transport(n2).bootOf(n1) !== undefined);
    const known = cluster.transport(n2).bootOf(n1);
    const twin = await NatsTransport.connect({
      self: n1,
      boot: 2 ** 50,
      identity: testIdentity(n1),
      ring: noRing(),
      secret: CLUSTER_SECRET,
      url: cluster.sidecar(n1).clientUrl,
      peers: NODES,
      directory,
      clock: systemClock,
      logger: pino({ level: 'silent' }),
    });
    cleanups.push(() => twin.close());
    const heard = new Map<string, number>();
    cluster.transport(n1).onNamesake((boot) => heard.set('the older one', boot));
    twin.onNamesake((boot) => heard.set('the newer one', boot));
    await waitUntil(() => {
      twin.broadcast('hello', Uint8Array.of(1));
      return heard.size === 2;
    });
    expect(heard.get('the older one')).toBe(2 ** 50);
    expect(heard.get('the newer one')).toBe(known);
  });

  it('tells once, in one line, of frames of another version', async () => {
    const lines: string[] = [];
    const listener = await NatsTransport.connect({
      ...{ self: n2, boot: 2 ** 51, identity: testIdentity(n2), ring: noRing(), secret: CLUSTER_SECRET },
      ...{ url: cluster.sidecar(n2).clientUrl, peers: [], directory, clock: systemClock },
      logger: pino({ level: 'warn' }, { write: (line) => lines.push(line) }),
    });
    cleanups.push(() => listener.close());
    const raw = await connect({
      servers: cluster.sidecar(n1).clientUrl,
      authenticator: nkeyAuthenticator(nodeNkey(keys, n1).seed),
    });
    cleanups.push(() => raw.close());
    for (const frame of [[], [7, 1], [7, 2], [9, 1]]) raw.publish(subjects.node(n2), Uint8Array.from(frame));
    await waitUntil(() => listener.counters.dropped['other-version'] === 3);
    expect(listener.counters.dropped.malformed).toBe(1);
    expect(lines.map((line) => (JSON.parse(line) as { version?: number }).version)).toEqual([7, 9]);
  });

  it('drops and counts what is forged, cut short, foreign, replayed or from an old boot', async () => {
    const { counters } = cluster.transport(n2);
    const raw = await connect({
      servers: cluster.sidecar(n1).clientUrl,
      authenticator: nkeyAuthenticator(nodeNkey(keys, n1).seed),
    });
    cleanups.push(() => raw.close());
    const publish = async (frame: Uint8Array, counted: () => number): Promise<void> => {
      const before = counted();
      raw.publish(subjects.node(n2), frame);
      // What nodes say by themselves may be counted, too.
      await waitUntil(() => counted() > before);
    };

    const sent: Buffer[] = [];
    const insider = new Pairs({
      self: 'n9' as NodeName,
      boot: 50,
      identity: testIdentity('n9'),
      keys,
      directory,
      random: nodeRandom,
      monotonicMs: () => 0,
      publish: (_receiver, frame) => sent.push(frame),
      onMet: () => undefined,
    });
    const introduction = (boot: number): Buffer => {
      insider.introduce(n2, boot);
      return sent.pop()!;
    };
    const bootOfN2 = cluster.transport(n1).bootOf(n2) ?? 0;
    const genuine = introduction(bootOfN2);
    await publish(genuine, () => counters.framesReceived);
    await publish(genuine.subarray(0, -1), () => counters.dropped.forged);
    await publish(genuine.subarray(0, 20), () => counters.dropped.malformed);
    await publish(Uint8Array.of(1, 2, 3), () => counters.dropped['other-version']);
    await publish(introduction(bootOfN2 + 1), () => counters.dropped.unbound);
    const misaddressed = Buffer.from(genuine);
    misaddressed[genuine.indexOf('\x02n2', 50, 'latin1') + 2] = 0x33;
    await publish(misaddressed, () => counters.dropped.misaddressed);
    const foreign = Buffer.from(genuine);
    foreign[5]! ^= 1;
    await publish(foreign, () => counters.dropped.foreign);
    expect(inbox).toEqual({ raft: [], frames: [] });
    // Those that belong here are heard as before.
    cluster.transport(n1).sendRaft([beatTo(n2, 7)]);
    await waitUntil(() => inbox.raft.length > 0);
    expect(inbox).toEqual({ raft: [{ message: beatTo(n2, 7), from: n1 }], frames: [] });
  });

  it('does not let a node speak for another in Raft', async () => {
    // n3 says that the append, and the heartbeat, come from n1.
    cluster.transport(n3).sendRaft([beatTo(n2, 1), appendTo(n2, 1, Uint8Array.of(1))]);
    await waitUntil(() => cluster.transport(n2).counters.dropped.unreadable > 0);
    cluster.transport(n1).sendRaft([beatTo(n2, 7)]);
    await waitUntil(() => inbox.raft.length > 0);
    expect(inbox.raft).toEqual([{ message: beatTo(n2, 7), from: n1 }]);
  });

  it('heals by itself after its nats-server was killed', async () => {
    const others = inboxOf(cluster.transport(n1));
    process.kill(cluster.sidecar(n2).pid ?? 0, 'SIGKILL');
    const talk = setInterval(() => {
      cluster.transport(n1).send(n2, 'forward', Uint8Array.of(1));
      cluster.transport(n2).send(n1, 'forward-refused', Uint8Array.of(2));
    }, 10);
    cleanups.push(() => {
      clearInterval(talk);
    });
    await waitUntil(() => cluster.transport(n2).counters.notSent.down > 0);
    const [heardBefore, saidBefore] = [inbox.frames.length, others.frames.length];
    await waitUntil(() => inbox.frames.length > heardBefore + 10 && others.frames.length > saidBefore + 10, 15_000);
    expect(cluster.sidecar(n2).pid).toBeDefined();
  });

  it('closes in good order while its nats-server is down', async () => {
    await cluster.sidecar(n2).close();
    await waitUntil(() => {
      cluster.transport(n2).broadcast('hello', Uint8Array.of(1));
      return cluster.transport(n2).counters.notSent.down > 0;
    });
    await expect(cluster.transport(n2).close()).resolves.toBeUndefined();
  });

  it('refuses a server of another cluster in one sentence', async () => {
    const refused = NatsTransport.connect({
      self: n1,
      boot: 1,
      identity: testIdentity(n1),
      ring: noRing(),
      secret: new Uint8Array(32),
      url: cluster.sidecar(n1).clientUrl,
      peers: NODES,
      directory,
      clock: systemClock,
      logger: pino({ level: 'silent' }),
    });
    await expect(refused).rejects.toMatchObject({ code: 'cannot_connect', message: /belongs to another cluster/ });
  });
});

describe('NatsTransport on a NATS that is not its own', () => {
  it('works without users, and keeps two clusters on it apart', async () => {
    const [port = 0] = await freePorts(1);
    const server = spawn(
      await ensureNatsServer(join(process.cwd(), '.cache')),
      ['-a', '127.0.0.1', '-p', String(port)],
      {
        stdio: 'ignore',
      },
    );
    const closing: (() => Promise<unknown>)[] = [];
    const open = async (self: NodeName, secret: Uint8Array): Promise<NatsTransport> => {
      const transport = await NatsTransport.connect({
        self,
        boot: 1,
        identity: testIdentity(self),
        ring: noRing(),
        secret,
        url: `nats://127.0.0.1:${port}`,
        peers: [n1, n2],
        directory,
        clock: systemClock,
        logger: pino({ level: 'silent' }),
      });
      closing.push(() => transport.close());
      return transport;
    };
    try {
      const transports = [await open(n1, CLUSTER_SECRET), await open(n2, CLUSTER_SECRET)] as const;
      const strangers = [await open(n1, new Uint8Array(32)), await open(n2, new Uint8Array(32))] as const;
      await waitUntil(() => [transports, strangers].every(([, second]) => second.bootOf(n1) !== undefined));
      await waitUntil(() => [transports, strangers].every(([first]) => first.bootOf(n2) !== undefined));
      const [inbox, foreignInbox] = [inboxOf(transports[1]), inboxOf(strangers[1])];
      transports[0].broadcast('hello', Uint8Array.of(1));
      strangers[0].broadcast('hello', Uint8Array.of(2));
      await waitUntil(() => inbox.frames.length > 0 && foreignInbox.frames.length > 0);
      expect(inbox.frames).toMatchObject([{ from: n1, payload: Uint8Array.of(1) }]);
      expect(foreignInbox.frames).toMatchObject([{ from: n1, payload: Uint8Array.of(2) }]);
    } finally {
      for (const close of closing) await close();
      server.kill('SIGKILL');
    }
  });
});

describe('signs of death', () => {
  afterEach(cleanUp);

  const hintsOf = (node: NodeName): NodeName[] => {
    const hints: NodeName[] = [];
    cluster.transport(node).onHint((dead) => hints.push(dead));
    return hints;
  };

  const startChild = (self: NodeName): ChildProcess => {
    const config: TransportChildConfig = {
      self,
      boot: cluster.nextBoot(),
      secretHex: Buffer.from(CLUSTER_SECRET).toString('hex'),
      url: cluster.sidecar(self).clientUrl,
      peers: NODES,
    };
    const source = (name: string): string => new URL(`../../testing/${name}`, import.meta.url).href;
    const child = spawn(
      process.execPath,
      [
        '--import',
        source('typescript-loader.mjs'),
        new URL(source('transport-child.ts')).pathname,
        JSON.stringify(config),
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    cleanups.push(() => child.kill('SIGKILL'));
    return child;
  };

  it.each([
    ['its process is killed', false],
    ['its process and its nats-server are killed together', true],
  ])('reach every other node soon after %s', async (_name, serverToo) => {
    cluster = await NatsCluster.start([n2, n3]);
    const inbox = inboxOf(cluster.transport(n3));
    const hints = [hintsOf(n2), hintsOf(n3)];
    const child = startChild(n1);
    await waitUntil(() => inbox.frames.some(({ from }) => from === n1));
    cluster.transport(n2).watch(n1);
    cluster.transport(n3).watch(n1);
    await waitUntil(() => inbox.frames.length > 20);
    expect(hints).toEqual([[], []]);
    if (serverToo) process.kill(cluster.sidecar(n1).pid ?? 0, 'SIGKILL');
    child.kill('SIGKILL');
    await waitUntil(() => hints.every((seen) => seen.length > 0), 5_000);
    expect(hints).toEqual([[n1], [n1]]);
  });

  it('are not seen while all are alive and busy, nor when only the own nats-server dies', async () => {
    cluster = await NatsCluster.start();
    const hints = [hintsOf(n2), hintsOf(n3)];
    cluster.transport(n2).watch(n1);
    cluster.transport(n3).watch(n1);
    let sent = 0;
    const received = (): number => cluster.transport(n2).counters.framesReceived;
    const load = setInterval(() => {
      // As much as they take, and a little: what piles up before a slow connection ends it, and some frames are lost.
      const count = sent < received() + 400 ? 40 : 5;
      for (let i = 0; i < count; i += 1) {
        const data = new Uint8Array(4_000);
        cluster.transport(n1).sendRaft([appendTo(n2, sent, data), appendTo(n3, sent, data)]);
        sent += 1;
      }
    }, 10);
    cleanups.push(() => {
      clearInterval(load);
    });
    await waitUntil(() => sent > 3_000);
    expect(hints).toEqual([[], []]);
    const before = received();
    process.kill(cluster.sidecar(n2).pid ?? 0, 'SIGKILL');
    await waitUntil(() => received() > before + 2_000);
    expect(hints).toEqual([[], []]);
  });
});
