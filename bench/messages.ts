import { clusterCpu, cpuPerMessage } from './cluster-cpu.ts';
import { FeedSocket } from '../scripts/load/feed-socket.ts';
import { createPerson, openDirectRoom } from '../scripts/load/person.ts';
import { paddedText, sealText } from '../scripts/load/sealed-texts.ts';
import { percentile } from '../scripts/chaos/percentiles.ts';
import { apiUrl } from '../src/cli/local-cluster/layout.ts';
import type { CpuTimes } from './cluster-cpu.ts';
import type { ScratchCluster } from '../scripts/load/scratch-cluster.ts';
import type { Person } from '../scripts/load/person.ts';
import type { SealedText } from '../scripts/load/sealed-texts.ts';
import type { RoomDetailJson } from '../src/protocol/http/schemas.ts';

const TEXT_BYTES = 256;
const DELIVERY_MS_MAX = 10_000;

/** How many sockets send, and how many messages each keeps unanswered. */
export interface Load {
  readonly name: string;
  readonly sockets: number;
  readonly perSocket: number;
  /** Messages in all; encrypted before the clock starts. */
  readonly messages: number;
}

export interface Measurement {
  readonly acknowledgedPerSecond: number;
  readonly ackP50Ms: number;
  readonly ackP99Ms: number;
  readonly deliveryP50Ms: number;
  readonly deliveryP99Ms: number;
  readonly failed: number;
  /** Until the last delivery, for each message; null where the system does not tell. */
  readonly cpuMicroseconds: CpuTimes | null;
}

/** A sender on one node and, on the next node, the reader they write to. */
export interface Pair {
  readonly sender: Person;
  readonly reader: Person;
  readonly room: RoomDetailJson;
  readonly senderUrl: string;
  readonly readerUrl: string;
  counter: number;
}

export async function createPairs(cluster: ScratchCluster, count: number): Promise<Pair[]> {
  const urls = cluster.layout.nodes.map(apiUrl);
  const pairs: Pair[] = [];
  for (let i = 0; i < count; i++) {
    const senderUrl = urls[i % urls.length]!;
    const readerUrl = urls[(i + 1) % urls.length]!;
    const sender = await createPerson(senderUrl, `sender${i}`);
    const reader = await createPerson(readerUrl, `reader${i}`);
    const room = await openDirectRoom(senderUrl, sender, reader);
    pairs.push({ sender, reader, room, senderUrl, readerUrl, counter: 0 });
  }
  return pairs;
}

/** Closed loop: each socket keeps `perSocket` messages unanswered until all are sent. */
export async function measure(cluster: ScratchCluster, pairs: readonly Pair[], load: Load): Promise<Measurement> {
  const active = pairs.slice(0, load.sockets);
  const queues = active.map((pair) => seal(pair, Math.ceil(load.messages / active.length)).values());
  const sentAt = new Map<string, number>();
  const deliveryMs: number[] = [];
  const readers = await Promise.all(
    active.map(({ readerUrl, reader }) =>
      FeedSocket.connect(readerUrl, reader.session.token, null, {
        onEvent: ({ event }) => {
          if (event.kind !== 'message') return;
          const at = sentAt.get(event.id.slice(0, 26));
          if (at !== undefined) deliveryMs.push(performance.now() - at);
        },
      }),
    ),
  );
  const senders = await Promise.all(
    active.map(({ senderUrl, sender }) => FeedSocket.connect(senderUrl, sender.session.token, null, {})),
  );
  const ackMs: number[] = [];
  let failed = 0;
  // In the order in which they were made, as clients do: what comes in another has to be looked for among the old.
  const lane = async (socket: FeedSocket, queue: Iterator<SealedText, undefined>): Promise<void> => {
    for (let text = queue.next().value; text !== undefined; text = queue.next().value) {
      const at = performance.now();
      sentAt.set(text.txnId, at);
      const outcome = await socket.send(text.room, text.txnId, text.envelope);
      if (outcome.kind === 'ok') ackMs.push(performance.now() - at);
      else failed++;
    }
  };
  const cpuBefore = clusterCpu(cluster);
  const startedAt = performance.now();
  const lanes = senders.flatMap((socket, i) => Array.from({ length: load.perSocket }, () => lane(socket, queues[i]!)));
  await Promise.all(lanes);
  const elapsedMs = performance.now() - startedAt;
  await until(() => deliveryMs.length >= ackMs.length, DELIVERY_MS_MAX);
  const cpuAfter = clusterCpu(cluster);
  for (const socket of [...senders, ...readers]) socket.close();
  ackMs.sort((a, b) => a - b);
  deliveryMs.sort((a, b) => a - b);
  return {
    acknowledgedPerSecond: (ackMs.length * 1000) / elapsedMs,
    ackP50Ms: percentile(ackMs, 0.5),
    ackP99Ms: percentile(ackMs, 0.99),
    deliveryP50Ms: percentile(deliveryMs, 0.5),
    deliveryP99Ms: percentile(deliveryMs, 0.99),
    failed,
    cpuMicroseconds: cpuBefore && cpuAfter && cpuPerMessage(cpuBefore, cpuAfter, ackMs.length),
  };
}

function seal(pair: Pair, count: number): SealedText[] {
  return Array.from({ length: count }, () => {
    const counter = ++pair.counter;
    return sealText(pair.sender, pair.room, paddedText(`message ${counter} `, TEXT_BYTES), counter);
  });
}

async function until(condition: () => boolean, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition() && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
}
