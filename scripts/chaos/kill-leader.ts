import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { checkHistory } from './checker.ts';
import { recordConvergence, recordFinalRoom } from './final-state.ts';
import { HistoryRecorder } from './history.ts';
import { distributionOf } from './percentiles.ts';
import { seededRandom } from './random.ts';
import { Writer } from './writer.ts';
import { writeGaps } from './write-gaps.ts';
import { requestJson } from '../load/http.ts';
import { createPerson, openDirectRoom } from '../load/person.ts';
import { startScratchCluster } from '../load/scratch-cluster.ts';
import { apiUrl } from '../../src/cli/local-cluster/layout.ts';
import { isReady, whenReady } from '../../src/cli/local-cluster/ready.ts';
import type { Verdict } from './checker.ts';
import type { Distribution } from './percentiles.ts';
import type { ScratchCluster } from '../load/scratch-cluster.ts';
import type { Person } from '../load/person.ts';
import type { ClusterJson, RoomDetailJson } from '../../src/protocol/http/schemas.ts';

const NODES = 3;
const PAIRS = 3;
const SERVE_MS_MAX = 60_000;
/** What was on its way when the leader died is still acknowledged; pauses that begin later have other causes. */
const GAP_WINDOW_MS = 300;
const READ_EVERY_MS = 50;
const LISTEN_MS_MAX = 30_000;
const OK_RATE_MIN = 0.6;

export interface KillLeaderOptions {
  readonly rounds: number;
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
  readonly gaps: { readonly process: Distribution; readonly sidecar: Distribution; readonly all: Distribution };
  readonly faults: number;
  readonly converged: boolean;
  /** Too little was acknowledged for the verdict to mean anything. */
  readonly invalid: boolean;
  readonly scoreLine: string;
}

interface Conversation {
  readonly people: readonly [Person, Person];
  readonly room: RoomDetailJson;
}

/**
 * Kills the leader again and again while people write: alternately its process alone and with its nats-server.
 * Everything is judged from outside, by what clients saw and what every node shows in the end.
 */
export async function killLeader(options: KillLeaderOptions): Promise<KillLeaderReport> {
  const history = new HistoryRecorder(options.historyFile);
  const cluster = await startScratchCluster({
    nodes: NODES,
    restart: false,
    say: () => {},
    ...(options.chatdFile === undefined ? {} : { chatdFile: options.chatdFile }),
  });
  try {
    const conversations = await startConversations(cluster);
    const writers = makeWriters(cluster, conversations, history);
    const everyMs = (1000 * writers.length) / options.rate;
    await Promise.all(writers.map((writer) => writer.start(everyMs)));
    const readers = startReader(cluster, conversations, history);
    const random = seededRandom(options.seed);
    await delay(500);
    for (let round = 0; round < options.rounds; round++) {
      await oneRound(cluster, round, random, history, options.say);
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

async function startConversations(cluster: ScratchCluster): Promise<Conversation[]> {
  const urls = cluster.layout.nodes.map(apiUrl);
  return Promise.all(
    Array.from({ length: PAIRS }, async (_, pair): Promise<Conversation> => {
      const [first, second] = [urls[pair % NODES]!, urls[(pair + 1) % NODES]!];
      const people = [
        await createPerson(first, `writer${pair}a`),
        await createPerson(second, `writer${pair}b`),
      ] as const;
      return { people, room: await openDirectRoom(first, ...people) };
    }),
  );
}

/** Every node has clients of its own; both people of a conversation write. */
function makeWriters(
  cluster: ScratchCluster,
  conversations: readonly Conversation[],
  history: HistoryRecorder,
): Writer[] {
  const places = cluster.layout.nodes.map((place) => ({ name: place.name, url: apiUrl(place) }));
  return conversations.flatMap(({ people, room }, pair) =>
    people.map((person, side) => new Writer(person, room, places, pair + side, history)),
  );
}

async function oneRound(
  cluster: ScratchCluster,
  round: number,
  random: () => number,
  history: HistoryRecorder,
  say: (sentence: string) => void,
): Promise<void> {
  const leader = await findLeader(cluster);
  const withSidecar = round % 2 === 1;
  const kind = withSidecar ? 'kill-leader-and-sidecar' : 'kill-leader';
  history.add({ type: 'fault', t: history.now(), kind, node: leader });
  await cluster.supervisor.killNode(leader, { withSidecar });
  const others = cluster.layout.nodes.map(({ name }) => name).filter((name) => name !== leader);
  if (!(await whenReady(cluster.layout, { timeoutMs: SERVE_MS_MAX, nodes: others }))) {
    throw new Error(`round ${round}: no leader within ${SERVE_MS_MAX / 1000} s after ${leader} was killed`);
  }
  await delay(300 + 700 * random());
  cluster.supervisor.startNode(leader);
  if (!(await whenReady(cluster.layout, { timeoutMs: SERVE_MS_MAX }))) {
    throw new Error(`round ${round}: ${leader} does not serve again within ${SERVE_MS_MAX / 1000} s`);
  }
  history.add({ type: 'healed', t: history.now(), node: leader });
  await delay(300 + 700 * random());
  const gap = writeGaps(history.records, GAP_WINDOW_MS).at(-1)?.gapMs ?? Number.NaN;
  say(`round ${round + 1}: ${kind} ${leader}, write gap ${gap.toFixed(0)} ms`);
}

async function findLeader(cluster: ScratchCluster): Promise<string> {
  const deadline = performance.now() + SERVE_MS_MAX;
  while (performance.now() < deadline) {
    const views = await Promise.all(
      cluster.layout.nodes.map((place) =>
        requestJson<ClusterJson>(apiUrl(place), 'GET', '/v1/cluster').catch(() => null),
      ),
    );
    const leader = views[0]?.leader ?? null;
    if (leader !== null && views.every((view) => view?.leader === leader)) return leader;
    await delay(50);
  }
  throw new Error('The nodes do not agree on a leader.');
}

/** Linearizable reads at a steady pace, from every node in turn. */
function startReader(
  cluster: ScratchCluster,
  conversations: readonly Conversation[],
  history: HistoryRecorder,
): { stop(): Promise<void> } {
  let stopped = false;
  const loop = async (): Promise<void> => {
    for (let turn = 0; !stopped; turn++) {
      await delay(READ_EVERY_MS);
      const place = cluster.layout.nodes[turn % NODES]!;
      const { people, room } = conversations[turn % PAIRS]!;
      if (!(await isReady(place))) continue;
      const op = history.nextOp();
      const call = { kind: 'read', room: room.room } as const;
      history.add({ type: 'invoke', t: history.now(), op, call, node: place.name });
      try {
        const path = `/v1/rooms/${room.room}/messages?limit=1&consistency=linearizable`;
        const url = apiUrl(place) + path;
        const response = await fetch(url, {
          headers: { authorization: `Bearer ${people[0].token}` },
          signal: AbortSignal.timeout(SERVE_MS_MAX),
        });
        const body = (await response.json()) as { lastSeq?: number; code?: string };
        const t = history.now();
        if (response.ok) history.add({ type: 'ok', t, op, node: place.name, seq: body.lastSeq! });
        else history.add({ type: 'fail', t, op, node: place.name, code: body.code ?? String(response.status) });
      } catch {
        history.add({ type: 'fail', t: history.now(), op, node: place.name, code: 'unreachable' });
      }
    }
  };
  const running = loop();
  return {
    stop: async () => {
      stopped = true;
      await running;
    },
  };
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
  const faults = records.filter((record) => record.type === 'fault');
  const gaps = writeGaps(records, GAP_WINDOW_MS).map(({ gapMs }) => gapMs);
  const ofKind = (kind: string): number[] => gaps.filter((_, place) => faults[place]!.kind === kind);
  const all = distributionOf(gaps);
  const { counts, ok, fail, info } = verdict;
  const kinds = new Set(faults.map(({ kind }) => kind)).size;
  const digest = createHash('sha256').update(JSON.stringify(records)).digest('hex').slice(0, 12);
  const ms = (value: number): string => value.toFixed(0);
  const scoreLine = [
    `faults=${kinds} kinds/${faults.length}`,
    `ops=${ok + fail + info} ${ok}/${fail}/${info}`,
    Object.entries(counts)
      .map(([kind, count]) => `${kind}=${count}`)
      .join(' '),
    `unavailable ${ms(all.p50)}/${ms(all.p99)}/${ms(all.max)} ms`,
    `${options.seed} ${digest}`,
  ].join(' | ');
  return {
    verdict,
    gaps: {
      process: distributionOf(ofKind('kill-leader')),
      sidecar: distributionOf(ofKind('kill-leader-and-sidecar')),
      all,
    },
    faults: faults.length,
    converged,
    invalid: ok < OK_RATE_MIN * (ok + fail + info),
    scoreLine,
  };
}
