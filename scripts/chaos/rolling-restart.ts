import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { checkHistory } from './checker.ts';
import { findLeader, SERVE_MS_MAX } from './cluster-views.ts';
import { EngineWriter } from './engine-writer.ts';
import { lastSeqOf, recordConvergence, recordFinalRoom, whenCaughtUp } from './final-state.ts';
import { HistoryRecorder } from './history.ts';
import { leadershipAtStop } from './leadership-log.ts';
import { distributionOf } from './percentiles.ts';
import { seededRandom } from './random.ts';
import { isInvalid, scoreLine } from './score.ts';
import { memoryFolder, startScratchCluster } from '../load/scratch-cluster.ts';
import { apiUrl } from '../../src/cli/local-cluster/layout.ts';
import { whenReady } from '../../src/cli/local-cluster/ready.ts';
import type { Distribution } from './percentiles.ts';
import type { RunOptions, RunReport } from './run.ts';
import type { LeadershipAtStop } from './leadership-log.ts';
import type { ScratchCluster } from '../load/scratch-cluster.ts';
import type { ClusterLayout, NodePlace } from '../../src/cli/local-cluster/layout.ts';
import type { RoomId } from '../../src/protocol/ids.ts';

const NODES = 3;
const PAIRS = 3;
const LISTEN_MS_MAX = 60_000;

export interface RollingRestartReport extends RunReport {
  readonly restarts: number;
  /** Of leaders, among these. */
  readonly leaderStops: number;
  /** Stops of a leader that ended without having handed leadership over. */
  readonly keptLeadership: readonly string[];
  /** Sends that the client engine did not get through. */
  readonly failed: number;
  /** Milliseconds from when a send was due until it was acknowledged. */
  readonly sendsMs: Distribution;
}

interface Pair {
  readonly writers: readonly [EngineWriter, EngineWriter];
  readonly room: RoomId;
}

/**
 * Restarts every node in good order, one after the other, `rounds` times around, as for an upgrade, while people write
 * and read through the client engine. They should not notice.
 */
export async function rollingRestart(options: RunOptions): Promise<RollingRestartReport> {
  const history = new HistoryRecorder(options.historyFile);
  // People have machines of their own.
  const homes = mkdtempSync(join(memoryFolder(), 'parley-people-'));
  const { chatdFile } = options;
  const cluster = await startScratchCluster({
    nodes: NODES,
    restart: false,
    say: () => {},
    ...(chatdFile === undefined ? {} : { chatdFile }),
  });
  const stops: Stop[] = [];
  const writers: EngineWriter[] = [];
  try {
    const pairs = await startPairs(cluster.layout, homes, history, {
      everyMs: (2_000 * PAIRS) / options.rate,
      writers,
    });
    const random = seededRandom(options.seed);
    for (let round = 0; round < options.rounds; round++) {
      for (const place of cluster.layout.nodes) {
        await delay(300 + 700 * random());
        const stop = await restart(cluster, place, history);
        stops.push(stop);
        const led = stop.led ? `, which led${stop.handedOver ? '' : ' and kept leadership'}` : '';
        options.say(`round ${round + 1}: ${place.name}${led}, was away for ${stop.awayMs.toFixed(0)} ms`);
      }
    }
    await Promise.all(writers.map((writer) => writer.finish()));
    const converged = await settle(cluster.layout, pairs, history);
    return report(options, history, { stops, converged, latenciesMs: writers.flatMap((one) => one.latenciesMs) });
  } finally {
    for (const writer of writers) await writer.close();
    await cluster.close({ keepData: options.keepData });
    rmSync(homes, { recursive: true, force: true });
    await history.close();
  }
}

/** Every node has clients of its own; both people of a pair write. Who is there already is in `writers`. */
async function startPairs(
  { nodes }: ClusterLayout,
  folder: string,
  history: HistoryRecorder,
  { everyMs, writers }: { readonly everyMs: number; readonly writers: EngineWriter[] },
): Promise<Pair[]> {
  const places = nodes.map((place) => ({ name: place.name, url: apiUrl(place) }));
  const person = async (name: string, at: number): Promise<EngineWriter> => {
    const own = [...places.slice(at % places.length), ...places.slice(0, at % places.length)];
    const writer = await EngineWriter.register({ name, places: own, folder, history });
    writers.push(writer);
    return writer;
  };
  const pairs: Pair[] = [];
  for (let pair = 0; pair < PAIRS; pair++) {
    const [a, b] = [await person(`writer${pair}a`, pair), await person(`writer${pair}b`, pair + 1)];
    const [room] = await Promise.all([a.start(b.name, everyMs), b.start(a.name, everyMs)]);
    pairs.push({ writers: [a, b], room });
  }
  return pairs;
}

interface Stop extends LeadershipAtStop {
  readonly node: string;
  readonly awayMs: number;
}

async function restart(cluster: ScratchCluster, place: NodePlace, history: HistoryRecorder): Promise<Stop> {
  const { layout, supervisor } = cluster;
  const { name } = place;
  await findLeader(layout.nodes);
  const stoppedAt = history.now();
  history.add({ type: 'fault', t: stoppedAt, kind: 'restart', node: name });
  await supervisor.stopNode(name);
  const { code, signal } = await supervisor.child(name)!.exited;
  if (code !== 0) throw new Error(`${name} did not stop in good order (${signal ?? `exit code ${code}`})`);
  const leadership = leadershipAtStop(readFileSync(join(place.dataDir, 'chatd.log'), 'utf8'), name);
  supervisor.startNode(name);
  if (!(await whenReady(layout, { timeoutMs: SERVE_MS_MAX })) || !(await whenCaughtUp(layout, name))) {
    throw new Error(`${name} does not serve again within ${SERVE_MS_MAX / 1000} s`);
  }
  history.add({ type: 'healed', t: history.now(), node: name });
  return { node: name, ...leadership, awayMs: history.now() - stoppedAt };
}

async function settle(layout: ClusterLayout, pairs: readonly Pair[], history: HistoryRecorder): Promise<boolean> {
  const converged = await recordConvergence(layout, history);
  for (const { writers, room } of pairs) {
    await recordFinalRoom(layout, () => Promise.resolve(writers[0].token), room, history);
    for (const writer of writers) await writer.listenUntil(lastSeqOf(history, room), LISTEN_MS_MAX);
  }
  return converged;
}

function report(
  { seed }: RunOptions,
  history: HistoryRecorder,
  run: { readonly stops: readonly Stop[]; readonly converged: boolean; readonly latenciesMs: readonly number[] },
): RollingRestartReport {
  const { stops, converged } = run;
  const verdict = checkHistory(history.records);
  const sendsMs = distributionOf(run.latenciesMs);
  const faults = { kinds: 1, count: stops.length };
  return {
    verdict,
    converged,
    invalid: isInvalid(verdict),
    restarts: stops.length,
    leaderStops: stops.filter(({ led }) => led).length,
    keptLeadership: stops.flatMap(({ led, handedOver, node }) => (led && !handedOver ? [node] : [])),
    failed: verdict.fail + verdict.info,
    sendsMs,
    scoreLine: scoreLine(history, verdict, { seed, faults, times: { of: 'sends', ms: sendsMs } }),
  };
}
