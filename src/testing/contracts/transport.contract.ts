import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MessageType } from '../../consensus/message.ts';
import { peerId } from '../../consensus/types.ts';
import type { Transport } from '../../node/ports.ts';
import type { NodeName } from '../../protocol/ids.ts';
import { appendTo, beatTo, inboxOf, NODES, type Inbox } from '../transport-traffic.ts';
import { waitUntil } from '../wait-until.ts';

/**
 * What every transport has to do, whatever carries it. A cluster under test has the nodes `n1`, `n2`, `n3` with the
 * peer ids 1, 2, 3, all of them in touch with each other before a test begins.
 */
export interface TransportCluster {
  transport(node: NodeName): Transport;
  /** Ends the node's process without a word and starts it again with a new boot; resolves once it is in touch. */
  restart(node: NodeName): Promise<void>;
  close(): Promise<void>;
}

const [n1, n2, n3] = NODES as [NodeName, NodeName, NodeName];

export function describeTransport(name: string, start: () => Promise<TransportCluster>): void {
  describe(`${name} as a transport`, () => {
    let cluster: TransportCluster;
    let inboxes = new Map<NodeName, Inbox>();
    const inbox = (node: NodeName): Inbox => inboxes.get(node) ?? { raft: [], frames: [] };

    beforeEach(async () => {
      cluster = await start();
      inboxes = new Map(NODES.map((node) => [node, inboxOf(cluster.transport(node))]));
    });
    afterEach(() => cluster.close());

    it('brings Raft messages to whom they are for, and says from whom', async () => {
      const message = appendTo(n2, 4, Uint8Array.of(1, 2, 3));
      cluster.transport(n1).sendRaft([message, beatTo(n3, 9)]);
      await waitUntil(() => inbox(n2).raft.length > 0 && inbox(n3).raft.length > 0);
      expect(inbox(n2).raft).toEqual([{ message, from: n1 }]);
      expect(inbox(n3).raft).toEqual([{ message: beatTo(n3, 9), from: n1 }]);
      expect(inbox(n1).raft).toEqual([]);
    });

    it('brings an append that several peers are to get to each of them as its own', async () => {
      const data = new Uint8Array(10_000).fill(7);
      cluster.transport(n1).sendRaft([appendTo(n2, 4, data), appendTo(n3, 4, data)]);
      await waitUntil(() => inbox(n2).raft.length > 0 && inbox(n3).raft.length > 0);
      expect(inbox(n2).raft).toEqual([{ message: appendTo(n2, 4, data), from: n1 }]);
      expect(inbox(n3).raft).toEqual([{ message: appendTo(n3, 4, data), from: n1 }]);
    });

    it('keeps the order between two nodes while all is well', async () => {
      const count = 500;
      for (let i = 0; i < count; i += 1) {
        // Merged, alone, and large by turns: they take different ways.
        const data = new Uint8Array(i % 50 === 0 ? 300_000 : 10);
        cluster.transport(n1).sendRaft(i % 2 === 0 ? [appendTo(n2, i, data), appendTo(n3, i, data)] : [beatTo(n2, i)]);
      }
      await waitUntil(() => inbox(n2).raft.length === count);
      const places = inbox(n2).raft.map(({ message }) =>
        message.type === MessageType.app ? message.index : message.commit,
      );
      expect(places).toEqual(Array.from({ length: count }, (_, i) => i));
    });

    it('brings other frames to one node or to all the others', async () => {
      const payload = Uint8Array.of(9);
      cluster.transport(n1).send(n2, 'forward', payload);
      cluster.transport(n3).broadcast('node-info', payload);
      await waitUntil(() => inbox(n2).frames.length === 2 && inbox(n1).frames.length === 1);
      expect(inbox(n1).frames).toMatchObject([{ from: n3, kind: 'node-info', payload }]);
      expect(
        inbox(n2)
          .frames.map(({ from, kind }) => `${kind} from ${from}`)
          .toSorted(),
      ).toEqual(['forward from n1', 'node-info from n3']);
      expect(inbox(n3).frames).toEqual([]);
    });

    it('brings payloads of several megabytes unaltered, and empty ones', async () => {
      const large = new Uint8Array(5_000_000).map((_, i) => (i * 31) % 256);
      cluster.transport(n2).send(n1, 'snapshot-chunk', large);
      cluster.transport(n2).send(n1, 'snapshot-request', new Uint8Array(0));
      await waitUntil(() => inbox(n1).frames.length === 2);
      expect(Buffer.compare(inbox(n1).frames[0]?.payload ?? Buffer.alloc(0), large)).toBe(0);
      expect(inbox(n1).frames[1]).toMatchObject({ kind: 'snapshot-request', payload: new Uint8Array(0) });
    });

    it('hands over payloads that stay as they are, whatever comes after', async () => {
      for (let i = 0; i < 50; i += 1) cluster.transport(n1).send(n2, 'forward', new Uint8Array(2_000).fill(i));
      await waitUntil(() => inbox(n2).frames.length === 50);
      expect(inbox(n2).frames.every(({ payload }, i) => payload.every((byte) => byte === i))).toBe(true);
    });

    it('shows a restart as a larger boot id, and works on', async () => {
      cluster.transport(n3).broadcast('hello', Uint8Array.of(1));
      await waitUntil(() => inbox(n1).frames.length > 0);
      const before = inbox(n1).frames[0]?.boot ?? 0;
      await cluster.restart(n3);
      inboxes.set(n3, inboxOf(cluster.transport(n3)));
      cluster.transport(n3).broadcast('hello', Uint8Array.of(2));
      cluster.transport(n1).sendRaft([beatTo(n3, 1)]);
      await waitUntil(() => inbox(n1).frames.length > 1 && inbox(n3).raft.length > 0);
      expect(inbox(n1).frames[1]?.boot).toBeGreaterThan(before);
    });

    it('tells of another process of a node before it hands over anything from it, once', async () => {
      const heard: string[] = [];
      const listener = cluster.transport(n2);
      listener.onFrame(({ from, payload }) => heard.push(`${from} says ${payload[0]}`));
      cluster.transport(n1).send(n2, 'forward', Uint8Array.of(1));
      await waitUntil(() => heard.length === 1);
      listener.onRestart((node) => heard.push(`${node} restarted`));
      await cluster.restart(n1);
      for (const said of [2, 3]) cluster.transport(n1).send(n2, 'forward', Uint8Array.of(said));
      await waitUntil(() => heard.length >= 4);
      expect(heard).toEqual(['n1 says 1', 'n1 restarted', 'n1 says 2', 'n1 says 3']);
    });

    it('does not mind sending to nobody, to strangers, or after it was closed', async () => {
      const transport = cluster.transport(n1);
      transport.sendRaft([]);
      transport.sendRaft([{ ...beatTo(n2, 1), to: peerId(9) }]);
      transport.send('n9' as NodeName, 'hello', Uint8Array.of(1));
      transport.watch('n9' as NodeName);
      await transport.close();
      transport.sendRaft([beatTo(n2, 1)]);
      transport.send(n2, 'hello', Uint8Array.of(1));
      transport.broadcast('hello', Uint8Array.of(1));
      cluster.transport(n3).send(n2, 'forward', Uint8Array.of(1));
      await waitUntil(() => inbox(n2).frames.length > 0);
      expect(inbox(n2).raft).toEqual([]);
      expect(inbox(n2).frames).toMatchObject([{ from: n3 }]);
    });
  });
}
