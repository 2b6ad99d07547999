import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { clusterStatus } from '../scripts/chaos/final-state.ts';
import { FeedSocket } from '../scripts/load/feed-socket.ts';
import { LateNode } from '../scripts/load/late-node.ts';
import { createPerson, openDirectRoom } from '../scripts/load/person.ts';
import { startScratchCluster } from '../scripts/load/scratch-cluster.ts';
import { freePorts } from '../src/testing/free-ports.ts';
import { paddedText, sealText } from '../scripts/load/sealed-texts.ts';
import { leaderRequest, resolveTarget } from '../src/cli/chatctl/admin-client.ts';
import { apiUrl } from '../src/cli/local-cluster/layout.ts';
import type { ScratchCluster } from '../scripts/load/scratch-cluster.ts';

const CHATD = fileURLToPath(new URL('../src/cli/chatd.js', import.meta.url));
const MIB = 1024 * 1024;
const TEXT_BYTES = 24_000;
const SENDERS = 8;
const PER_SOCKET = 16;
const POLL_MS = 200;
const INSTALL_MS_MAX = 600_000;
const SETTLE_MS = 5_000;

export interface SnapshotMeasurement {
  readonly stateMiB: number;
  readonly fillSeconds: number;
  readonly installSeconds: number;
  /** Resident memory of the follower before it was let in, and its peak while it installed. */
  readonly followerMiB: { readonly before: number; readonly peak: number };
  readonly leaderMiB: { readonly before: number; readonly peak: number };
  readonly sameState: boolean;
}

/** Fills the state of one node with messages, lets a second one in, and watches the memory of both. Linux only. */
export async function measureSnapshot(megabytes: number, say: (text: string) => void): Promise<SnapshotMeasurement> {
  const cluster = await startScratchCluster({ nodes: 1, restart: false, say });
  const [api, nats, route] = await freePorts(3);
  const late = new LateNode(cluster, { name: 'n2', ports: [api!, nats!, route!], chatdFile: CHATD });
  try {
    const startedAt = performance.now();
    const count = await fill(cluster, megabytes, say);
    const fillSeconds = (performance.now() - startedAt) / 1000;
    say(`${count} messages in ${fillSeconds.toFixed(0)} s`);
    late.start();
    await until(async () => (await late.readiness()).includes('member add'));
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    return { ...(await install(cluster, late)), stateMiB: (count * TEXT_BYTES) / MIB, fillSeconds };
  } finally {
    await late.stop();
    await cluster.close();
  }
}

async function install(
  cluster: ScratchCluster,
  late: LateNode,
): Promise<Omit<SnapshotMeasurement, 'stateMiB' | 'fillSeconds'>> {
  const [place] = cluster.layout.nodes;
  const leaderPid = cluster.supervisor.child(place!.name)!.pid;
  for (const pid of [leaderPid, late.pid]) resetPeak(pid);
  const before = { follower: memoryMiB(late.pid, 'VmRSS'), leader: memoryMiB(leaderPid, 'VmRSS') };
  const target = resolveTarget({ endpoint: apiUrl(place!) }, { PARLEY_DATA: cluster.layout.dataDir });
  const startedAt = performance.now();
  await leaderRequest(target, '/v1/admin/members', { verb: 'add', node: late.name });
  await until(async () => (await hashes(cluster)).size === 1);
  const installSeconds = (performance.now() - startedAt) / 1000;
  const found = await hashes(cluster);
  return {
    installSeconds,
    followerMiB: { before: before.follower, peak: memoryMiB(late.pid, 'VmHWM') },
    leaderMiB: { before: before.leader, peak: memoryMiB(leaderPid, 'VmHWM') },
    sameState: found.size === 1,
  };
}

/** The state hashes of both nodes, as a set. */
async function hashes(cluster: ScratchCluster): Promise<ReadonlySet<string>> {
  const { nodes } = await clusterStatus(cluster.layout);
  return new Set(nodes.map(({ stateHash, stateHashIndex }) => `${stateHash}@${stateHashIndex}`));
}

async function fill(cluster: ScratchCluster, megabytes: number, say: (text: string) => void): Promise<number> {
  const url = apiUrl(cluster.layout.nodes[0]!);
  const count = Math.ceil((megabytes * MIB) / TEXT_BYTES);
  let sent = 0;
  const send = async (n: number): Promise<void> => {
    const person = await createPerson(url, `writer${n}`);
    const peer = await createPerson(url, `peer${n}`);
    const room = await openDirectRoom(url, person, peer);
    const socket = await FeedSocket.connect(url, person.session.token, null, {});
    const lane = async (): Promise<void> => {
      while (sent < count) {
        const counter = (sent += 1);
        const text = sealText(person, room, paddedText(`message ${counter} `, TEXT_BYTES), counter);
        const outcome = await socket.send(text.room, text.txnId, text.envelope);
        if (outcome.kind !== 'ok') throw new Error(`sending failed: ${JSON.stringify(outcome)}`);
        if (counter % 10_000 === 0) say(`${counter} of ${count} messages`);
      }
    };
    await Promise.all(Array.from({ length: PER_SOCKET }, lane));
    socket.close();
  };
  await Promise.all(Array.from({ length: SENDERS }, (_, n) => send(n)));
  return sent;
}

function resetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

function memoryMiB(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const [, kib] = new RegExp(`${field}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) / 1024;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + INSTALL_MS_MAX;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('The snapshot was not installed in time.');
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
