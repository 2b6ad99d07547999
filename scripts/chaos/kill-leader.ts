import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { checkHistory } from './checker.ts';
import { mend, strike, survives } from './faults.ts';
import { recordConvergence, recordFinalRoom } from './final-state.ts';
import { HistoryRecorder } from './history.ts';
import { distributionOf } from './percentiles.ts';
import { seededRandom } from './random.ts';
import { makeWriters, Readers, startConversations } from './workload.ts';
import { writeGaps } from './write-gaps.ts';
import { requestJson } from '../load/http.ts';
import { startScratchCluster } from '../load/scratch-cluster.ts';
import { apiUrl } from '../../src/cli/local-cluster/layout.ts';
import { whenReady } from '../../src/cli/local-cluster/ready.ts';
import type { Verdict } from './checker.ts';
import type { FaultKind } from './faults.ts';
import type { Distribution } from './percentiles.ts';
import type { Conversation } from './workload.ts';
import type { Writer } from './writer.ts';
import type { ScratchCluster } from '../load/scratch-cluster.ts';
import type { NodePlace } from '../../src/cli/local-cluster/layout.ts';
import type { ClusterJson } from '../../src/protocol/http/schemas.ts';

const NODES = 3;
const SERVE_MS_MAX = 60_000;
/** What was on its way when the leader died is still acknowledged; pauses that begin later have other causes. */
const GAP_WINDOW_MS = 300;
const LISTEN_MS_MAX = 30_000;
const OK_RATE_MIN = 0.6;

export interface KillLeaderOptions {
  readonly rounds: number;
  /** Taken in turn. */
  readonly how: readonly FaultKind[];
  readonly seed: number;
  /** Sends per second, over all writers. */
  readonly rate: number;
  readonly historyFile: string | null;
  readonly keepData: boolean;
  readonly chatdFile?: string;
  readonly say: (sentence: string) => void;
}

export interface KillLeaderReport {
  readonly verdict: Verdict;
  /** By the way in which the leader was taken away. */
  readonly gaps: ReadonlyMap<FaultKind, Distribution>;
  readonly faults: number;
  readonly converged: boolean;
  /** Too little was acknowledged for the verdict to mean anything. */
  readonly invalid: boolean;
  readonly scoreLine: string;
}

/**
 * Takes the leader away again and again while people write, in one way after the other. Everything is judged from
 * outside, by what clients saw and what every node shows in the end.
 */
export async function killLeader(options: KillLeaderOptions): Promise<KillLeaderReport> {
  const history = new HistoryRecorder(options.historyFile);
  const cluster = await startScratchCluster({
    nodes: NODES,
    restart: false,
    say: () => {},
    withLinks: options.how.includes('partition'),
    ...(options.chatdFile === undefined ? {} : { chatdFile: options.chatdFile }),
  });
  try {
    const conversations = await startConversations(cluster.layout);
    const writers = makeWriters(cluster.layout, conversations, history);
    const everyMs = (1000 * writers.length) / options.rate;
    await Promise.all(writers.map((writer) => writer.start(everyMs)));
    const readers = new Readers(cluster.layout, conversations, history);
    const random = seededRandom(options.seed);
    await delay(500);
    for (let round = 0; round < options.rounds; round++) {
      await oneRound(cluster, options.how[round % options.how.length]!, random, history);
      const gap = writeGaps(history.records, GAP_WINDOW_MS).at(-1)!;
      options.say(`round ${round + 1}: ${gap.kind} ${gap.node}, write gap ${gap.gapMs.toFixed(0)} ms`);
    }
    await readers.stop();
    await Promise.all(writers.map((writer) => writer.finish()));
    const converged = await settle(cluster, conversations, writers, history);
    return report(options, history, converged);
  } finally {
    await cluster.close({ keepData: options.keepData });
    await history.close();
  }
}

async function oneRound(
  cluster: ScratchCluster,
  kind: FaultKind,
  random: () => number,
  history: HistoryRecorder,
): Promise<void> {
  const { layout } = cluster;
  const leader = await findLeader(layout.nodes);
  history.add({ type: 'fault', t: history.now(), kind, node: leader });
  await strike(cluster, kind, leader);
  try {
    const others = layout.nodes.filter(({ name }) => name !== leader);
    await findLeader(others, leader);
    if (survives(kind)) history.add({ type: 'deposed', t: history.now(), node: leader });
    await delay(300 + 700 * random());
  } finally {
    history.add({ type: 'mended', t: history.now(), node: leader });
    mend(cluster, kind, leader);
  }
  if (!(await whenReady(layout, { timeoutMs: SERVE_MS_MAX }))) {
    throw new Error(`${leader} does not serve again within ${SERVE_MS_MAX / 1000} s`);
  }
  history.add({ type: 'healed', t: history.now(), node: leader });
  await delay(300 + 700 * random());
}

/** Whom all these nodes follow, once it is somebody else than `former`. */
async function findLeader(places: readonly NodePlace[], former: string | null = null): Promise<string> {
  const deadline = performance.now() + SERVE_MS_MAX;
  while (performance.now() < deadline) {
    const views = await Promise.all(
      places.map((place) => requestJson<ClusterJson>(apiUrl(place), 'GET', '/v1/cluster').catch(() => null)),
    );
    const leader = views[0]?.leader ?? null;
    if (leader !== null && leader !== former && views.every((view) => view?.leader === leader)) return leader;
    await delay(50);
  }
  throw new Error(`The nodes agree on no leader within ${SERVE_MS_MAX / 1000} s.`);
}

async function settle(
  cluster: ScratchCluster,
  conversations: readonly Conversation[],
  writers: readonly Writer[],
  history: HistoryRecorder,
): Promise<boolean> {
  if (!(await whenReady(cluster.layout, { timeoutMs: SERVE_MS_MAX }))) return false;
  const converged = await recordConvergence(cluster.layout, history);
  for (const { people, room } of conversations) {
    await recordFinalRoom(cluster.layout, people[0], room.room, history);
  }
  const lastSeqs = conversations.flatMap(({ room }) => {
    const final = history.records.find((record) => record.type === 'final' && record.room === room.room);
    const lastSeq = final?.type === 'final' ? (final.messages.at(-1)?.seq ?? 0) : 0;
    return [lastSeq, lastSeq];
  });
  await Promise.all(writers.map((writer, place) => writer.listenUntil(lastSeqs[place]!, LISTEN_MS_MAX)));
  for (const writer of writers) writer.close();
  return converged;
}

function report(options: KillLeaderOptions, history: HistoryRecorder, converged: boolean): KillLeaderReport {
  const { records } = history;
  const verdict = checkHistory(records);
  const gaps = writeGaps(records, GAP_WINDOW_MS);
  const ofKind = (wanted: FaultKind): number[] => gaps.flatMap(({ kind, gapMs }) => (kind === wanted ? [gapMs] : []));
  const kinds = [...new Set(options.how)];
  const all = distributionOf(gaps.map(({ gapMs }) => gapMs));
  const { counts, ok, fail, info } = verdict;
  const digest = createHash('sha256').update(JSON.stringify(records)).digest('hex').slice(0, 12);
  const ms = (value: number): string => value.toFixed(0);
  const scoreLine = [
    `faults=${kinds.length} kinds/${gaps.length}`,
    `ops=${ok + fail + info} ${ok}/${fail}/${info}`,
    Object.entries(counts)
      .map(([kind, count]) => `${kind}=${count}`)
      .join(' '),
    `unavailable ${ms(all.p50)}/${ms(all.p99)}/${ms(all.max)} ms`,
    `${options.seed} ${digest}`,
  ].join(' | ');
  return {
    verdict,
    gaps: new Map(kinds.map((kind) => [kind, distributionOf(ofKind(kind))])),
    faults: gaps.length,
    converged,
    invalid: ok < OK_RATE_MIN * (ok + fail + info),
    scoreLine,
  };
}
