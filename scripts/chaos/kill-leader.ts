import { setTimeout as delay } from 'node:timers/promises';
import { checkHistory } from './checker.ts';
import { findLeader, SERVE_MS_MAX } from './cluster-views.ts';
import { mend, strike, survives } from './faults.ts';
import { lastSeqOf, recordConvergence, recordFinalRoom } from './final-state.ts';
import { HistoryRecorder } from './history.ts';
import { distributionOf } from './percentiles.ts';
import { seededRandom } from './random.ts';
import { isInvalid, scoreLine } from './score.ts';
import { makeWriters, Readers, startConversations } from './workload.ts';
import { writeGaps } from './write-gaps.ts';
import { tokenOf } from '../load/person.ts';
import { startScratchCluster } from '../load/scratch-cluster.ts';
import { whenReady } from '../../src/cli/local-cluster/ready.ts';
import type { FaultKind } from './faults.ts';
import type { Distribution } from './percentiles.ts';
import type { RunOptions, RunReport } from './run.ts';
import type { Conversation } from './workload.ts';
import type { Writer } from './writer.ts';
import type { ScratchCluster } from '../load/scratch-cluster.ts';

const NODES = 3;
/** What was on its way when the leader died is still acknowledged; pauses that begin later have other causes. */
const GAP_WINDOW_MS = 300;
const LISTEN_MS_MAX = 30_000;

export interface KillLeaderOptions extends RunOptions {
  /** Taken in turn. */
  readonly how: readonly FaultKind[];
}

export interface KillLeaderReport extends RunReport {
  /** By the way in which the leader was taken away. */
  readonly gaps: ReadonlyMap<FaultKind, Distribution>;
  readonly faults: number;
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

async function settle(
  cluster: ScratchCluster,
  conversations: readonly Conversation[],
  writers: readonly Writer[],
  history: HistoryRecorder,
): Promise<boolean> {
  if (!(await whenReady(cluster.layout, { timeoutMs: SERVE_MS_MAX }))) return false;
  const converged = await recordConvergence(cluster.layout, history);
  for (const { people, room } of conversations) {
    await recordFinalRoom(cluster.layout, (url) => tokenOf(url, people[0]), room.room, history);
  }
  const lastSeqs = conversations.flatMap(({ room }) => {
    const lastSeq = lastSeqOf(history, room.room);
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
  return {
    verdict,
    gaps: new Map(kinds.map((kind) => [kind, distributionOf(ofKind(kind))])),
    faults: gaps.length,
    converged,
    invalid: isInvalid(verdict),
    scoreLine: scoreLine(history, verdict, {
      seed: options.seed,
      faults: { kinds: kinds.length, count: gaps.length },
      times: { of: 'unavailable', ms: all },
    }),
  };
}
