import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPerson } from '../scripts/load/person.ts';
import { startScratchCluster } from '../scripts/load/scratch-cluster.ts';
import { keyRing } from '../src/chat/key-ring.ts';
import { apiUrl } from '../src/cli/local-cluster/layout.ts';
import { makeMessage, MessageType } from '../src/consensus/message.ts';
import { logIndex, term } from '../src/consensus/types.ts';
import { nodeRandom } from '../src/crypto/node-random.ts';
import { obtainWrappingKey } from '../src/node/at-rest/wrapping-key-source.ts';
import { ClusterSecret } from '../src/node/cluster-secret.ts';
import { openIdentity } from '../src/node/identity/identity-file.ts';
import { MemberDirectory } from '../src/node/membership/member-directory.ts';
import { tableOf } from '../src/node/peer-directory.ts';
import { encodeForward } from '../src/node/raft/forward-frames.ts';
import { encodeRequest } from '../src/node/raft/snapshot-frames.ts';
import { encodeRingFrame } from '../src/node/ring/ring-frames.ts';
import { RingKeys } from '../src/node/ring/ring-keys.ts';
import { openSealedKey } from '../src/node/ring/sealed-key.ts';
import { openNodeStore } from '../src/node/store/open-node-store.ts';
import { systemClock } from '../src/node/system-clock.ts';
import { NatsTransport } from '../src/node/transport/nats-transport.ts';
import { scrape } from '../src/testing/scrape.ts';
import { insistIntact, SILENT } from '../src/testing/store/temporary-store.ts';
import { inboxOf, type Inbox } from '../src/testing/transport-traffic.ts';
import { CHATCTL, CHATD, runProgram, until } from './support.ts';
import type { ScratchCluster } from '../scripts/load/scratch-cluster.ts';
import type { NodePlace } from '../src/cli/local-cluster/layout.ts';
import type { Manifest } from '../src/node/store/node-store.ts';
import type { KeysJson } from '../src/protocol/http/keys.ts';
import type { StatusJson } from '../src/protocol/http/schemas.ts';

const FORGED_TERM = 1_000_000;
const ROUNDS = 20;
const ROUND_MS = 100;

/** Somebody who has all that a node had: its keys, the ring's key, its NATS, and a program of their own. */
class Thief {
  readonly manifest: Manifest;
  readonly transport: NatsTransport;
  readonly inbox: Inbox;
  readonly #boot: number;

  private constructor(transport: NatsTransport, manifest: Manifest, boot: number) {
    this.transport = transport;
    this.manifest = manifest;
    this.#boot = boot;
    this.inbox = inboxOf(transport);
    transport.bindTo(manifest.clusterId);
  }

  /** Of a node whose process has ended, while its NATS server goes on. */
  static async of(place: NodePlace, { layout }: ScratchCluster): Promise<Thief> {
    const { dataDir: dir, name } = place;
    const wrappingKey = await obtainWrappingKey({ kind: 'beside' }, dir);
    const onFatal = (error: Error): void => {
      throw error;
    };
    const store = insistIntact(await openNodeStore({ dir, nodeName: name, wrappingKey, logger: SILENT, onFatal }));
    try {
      const identity = await openIdentity({ dir, seal: store.seals.of('files') }, true, nodeRandom);
      const manifest = store.manifest!;
      const row = keyRing(store.state)!;
      const { key } = openSealedKey({ cluster: manifest.clusterId, identity, random: nodeRandom }, row.sealed)!;
      const ring = new RingKeys(() => systemClock.monotonicMs());
      ring.adopt({ epoch: row.epoch, key: key! }, true);
      const transport = await NatsTransport.connect({
        ...{ self: name, boot: store.bootId, identity, ring },
        secret: ClusterSecret.read(layout.secretFile).derive('transport'),
        url: `nats://127.0.0.1:${place.natsPort}`,
        peers: layout.nodes.map((node) => node.name),
        directory: new MemberDirectory(tableOf(manifest)),
        ...{ clock: systemClock, logger: pino({ level: 'silent' }) },
      });
      return new Thief(transport, manifest, store.bootId);
    } finally {
      await store.close();
    }
  }

  /** What it heard since this was called last, by kind. */
  takeHeard(): string[] {
    const { raft, frames } = this.inbox;
    const heard = [...raft.map(() => 'raft'), ...frames.map(({ kind }) => kind)];
    raft.length = 0;
    frames.length = 0;
    return [...new Set(heard)];
  }

  /** Whatever a node may say to others. */
  attack(epoch: number): void {
    const { transport, manifest } = this;
    const others = manifest.peers.filter(({ peerId }) => peerId !== manifest.peerId);
    const snapshot = { kind: 'pull', id: { boot: this.#boot, number: 1 }, written: 0, first: 0, count: 1 } as const;
    for (const { name, peerId } of others) {
      transport.send(name, 'ring', encodeRingFrame({ epoch, key: null }));
      transport.send(name, 'snapshot-request', encodeRequest(snapshot));
      transport.send(name, 'forward', encodeForward({ boot: this.#boot, commands: [] }));
      transport.sendRaft(
        [MessageType.preVote, MessageType.vote, MessageType.heartbeat].map((type) =>
          makeMessage(type, {
            ...{ from: manifest.peerId, to: peerId, term: term(FORGED_TERM) },
            ...{ logTerm: term(FORGED_TERM), index: logIndex(FORGED_TERM) },
          }),
        ),
      );
    }
    transport.broadcast('signal', Uint8Array.of(1));
  }
}

describe('a node that was taken out, in the hands of somebody who goes on with its keys', () => {
  let cluster: ScratchCluster;
  let victim: NodePlace;
  let others: NodePlace[];
  let thief: Thief;
  let people = 0;

  beforeAll(async () => {
    cluster = await startScratchCluster({ nodes: 3, restart: false, say: () => {}, chatdFile: CHATD });
  });
  afterAll(async () => {
    await thief?.transport.close();
    await cluster.close();
  });

  const json = async <T>(...args: string[]): Promise<T> => {
    const endpoints = (others ?? cluster.layout.nodes).map(apiUrl).join(',');
    const ended = await runProgram(CHATCTL, ['--endpoint', endpoints, ...args, '--json'], {
      PARLEY_DATA: cluster.layout.dataDir,
    });
    expect(ended).toMatchObject({ code: 0 });
    return JSON.parse(ended.stdout) as T;
  };
  const write = async (): Promise<void> => {
    people += 1;
    await createPerson(apiUrl(others[people % others.length]!), `person-${people}`);
  };
  const metrics = (node: NodePlace): ReturnType<typeof scrape> =>
    scrape(apiUrl(node), readFileSync(join(node.dataDir, 'admin.token'), 'utf8').trim());
  const strangers = async (node: NodePlace): Promise<number> =>
    (await metrics(node)).value('parley_transport_rejected_total{reason="stranger"}') ?? 0;

  it('hears what nodes say as long as it is a member', async () => {
    const keys = (): Promise<KeysJson> => json<KeysJson>('keys', 'status');
    await until('all have a key', async () => (await keys()).nodes.every(({ epoch }) => epoch !== null));
    const { leader } = await json<StatusJson>('status');
    victim = cluster.layout.nodes.findLast(({ name }) => name !== leader)!;
    others = cluster.layout.nodes.filter((place) => place !== victim);
    await write();
    await cluster.supervisor.killNode(victim.name, { withSidecar: false });
    thief = await Thief.of(victim, cluster);
    await until('it knows the others', () => others.every(({ name }) => thief.transport.bootOf(name) !== undefined));
    await write();
    await until('it is told what others write', () => thief.inbox.raft.length > 0);
    const { epoch } = await keys();
    await until('it is given the key', () => {
      thief.transport.send(others[0]!.name, 'ring', encodeRingFrame({ epoch: epoch!, key: null }));
      return thief.inbox.frames.some(({ kind, payload }) => kind === 'ring' && payload.length > 32);
    });
    expect(thief.takeHeard()).toEqual(expect.arrayContaining(['raft', 'ring']));
  });

  it('neither hears nor is heard once it is out', async () => {
    const before = (await json<KeysJson>('keys', 'status')).epoch!;
    await json('member', 'remove', victim.name);
    await until('the others have another key', async () => {
      const { nodes } = await json<KeysJson>('keys', 'status');
      return nodes.length === 2 && nodes.every(({ epoch }) => epoch !== null && epoch > before);
    });
    const after = (await json<KeysJson>('keys', 'status')).epoch!;
    const refused = await Promise.all(others.map(strangers));
    // What was on its way.
    thief.takeHeard();
    for (let round = 0; round < ROUNDS; round += 1) {
      thief.attack(after);
      if (round % 5 === 0) await write();
      await new Promise((resolve) => setTimeout(resolve, ROUND_MS));
    }
    expect(thief.takeHeard().filter((kind) => kind !== 'hello')).toEqual([]);
    for (const [at, node] of others.entries()) {
      await until('it was refused', async () => (await strangers(node)) - refused[at]! >= ROUNDS);
      expect((await metrics(node)).value('parley_raft_term')).toBeLessThan(FORGED_TERM);
    }
    await write();
    const { nodes, healthy } = await json<StatusJson>('status');
    expect([healthy, nodes.length]).toEqual([true, 2]);
  });
});
