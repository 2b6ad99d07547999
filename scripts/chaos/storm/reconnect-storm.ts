import { setTimeout as delay } from 'node:timers/promises';
import { clusterStatus } from '../final-state.ts';
import { findLeader, SERVE_MS_MAX } from '../cluster-views.ts';
import { distributionOf } from '../percentiles.ts';
import { inLanes } from '../../load/lanes.ts';
import { requestJson } from '../../load/http.ts';
import { createPerson } from '../../load/person.ts';
import { startScratchCluster } from '../../load/scratch-cluster.ts';
import { ulid } from '../../load/ulid.ts';
import { apiUrl } from '../../../src/cli/local-cluster/layout.ts';
import { whenReady } from '../../../src/cli/local-cluster/ready.ts';
import { SeenSeqs } from './seen-seqs.ts';
import { StormSocket } from './storm-socket.ts';
import { StormWriters, type StormRoom } from './storm-writers.ts';
import type { Distribution } from '../percentiles.ts';
import type { Person } from '../../load/person.ts';
import type { ScratchCluster } from '../../load/scratch-cluster.ts';
import type { RoomDetailJson } from '../../../src/protocol/http/schemas.ts';

const NODES = 3;
const SOCKETS_PER_PERSON = 4;
const PEOPLE_PER_ROOM = 10;
const BACK_MS_MAX = 60_000;
const SEEN_MS_MAX = 30_000;
const CALM_MS = 2_000;
const POLL_MS = 20;
const SHOWN_MAX = 10;

export const STORM_KINDS = ['cut', 'kill'] as const;
export type StormKind = (typeof STORM_KINDS)[number];

export interface StormOptions {
  readonly sockets: number;
  readonly rounds: number;
  /** Taken in turn: all sockets are cut at once, or a follower dies with its sockets. */
  readonly how: readonly StormKind[];
  /** Messages per second, over all rooms. */
  readonly rate: number;
  readonly say: (sentence: string) => void;
  /** Compiled `chatd`; needed by callers that are not compiled themselves. */
  readonly chatdFile?: string;
}

export interface StormReport {
  readonly sockets: number;
  readonly rounds: readonly StormRound[];
  readonly messages: number;
  /** Messages that a socket was not shown, or twice. */
  readonly troubles: readonly string[];
  readonly gaps: number;
  readonly dups: number;
}

export interface StormRound {
  readonly kind: StormKind;
  /** Sockets that lost their connection. */
  readonly lost: number;
  /** Milliseconds from the cut until they were there again. */
  readonly back: Distribution;
  /** Attempts that failed, of all sockets together. */
  readonly failedAttempts: number;
  /** Terms that began meanwhile. */
  readonly elections: number;
}

/** Thousands of live feeds that lose their connection at the same moment, while people write. */
export async function reconnectStorm(options: StormOptions): Promise<StormReport> {
  const { sockets: count, rounds: roundCount, how, rate, say } = options;
  const cluster = await startScratchCluster({
    nodes: NODES,
    restart: false,
    say: () => {},
    ...(options.chatdFile === undefined ? {} : { chatdFile: options.chatdFile }),
  });
  const sockets: StormSocket[] = [];
  let writers: StormWriters | null = null;
  try {
    const urls = cluster.layout.nodes.map(apiUrl);
    const rooms = await makeRooms(urls, Math.ceil(count / SOCKETS_PER_PERSON));
    say(`${rooms.length} rooms`);
    const troubles: string[] = [];
    const kinds = { gap: 0, dup: 0 };
    const people = rooms.flatMap(({ members }) => members);
    await inLanes(count, async (i) => {
      const seen = new SeenSeqs((kind, what) => {
        kinds[kind] += 1;
        if (troubles.length < SHOWN_MAX) troubles.push(`${kind}: socket ${i}, ${what}`);
      });
      const socket = new StormSocket({ person: people[i % people.length]!, urls: rotated(urls, i), seen });
      sockets[i] = socket;
      await socket.open();
    });
    say(`${count} sockets`);
    writers = new StormWriters(rooms, urls, 1_000 / rate);
    const rounds: StormRound[] = [];
    for (let number = 0; number < roundCount; number++) {
      await delay(CALM_MS);
      const round = await oneRound(cluster, sockets, how[number % how.length]!);
      rounds.push(round);
      const { kind, lost, back, elections } = round;
      say(`round ${number + 1}, ${kind}: ${lost} sockets, back p99 ${back.p99.toFixed(0)} ms, ${elections} elections`);
    }
    await delay(CALM_MS);
    await writers.stop();
    const unseen = await lacking(sockets, people, rooms, writers.lastSeqs);
    troubles.push(...unseen.slice(0, SHOWN_MAX));
    return {
      sockets: count,
      rounds,
      messages: writers.sent,
      troubles,
      gaps: kinds.gap + unseen.length,
      dups: kinds.dup,
    };
  } finally {
    for (const socket of sockets) socket?.close();
    await writers?.stop();
    await cluster.close();
  }
}

const rotated = (urls: readonly string[], by: number): string[] => urls.map((_, i) => urls[(i + by) % urls.length]!);

async function makeRooms(urls: readonly string[], count: number): Promise<StormRoom[]> {
  const people: Person[] = [];
  await inLanes(count, async (i) => {
    people[i] = await createPerson(urls[i % urls.length]!, `p${i}`);
  });
  const rooms: StormRoom[] = [];
  await inLanes(Math.ceil(count / PEOPLE_PER_ROOM), async (i) => {
    const members = people.slice(i * PEOPLE_PER_ROOM, (i + 1) * PEOPLE_PER_ROOM);
    const { token } = members[0]!.session;
    const body = { kind: 'group', members: members.slice(1).map(({ account }) => account), txnId: ulid() };
    const { room } = await requestJson<{ room: string }>(urls[0]!, 'POST', '/v1/rooms', { token, body });
    rooms[i] = { room: await requestJson<RoomDetailJson>(urls[0]!, 'GET', `/v1/rooms/${room}`, { token }), members };
  });
  return rooms;
}

async function oneRound(
  cluster: ScratchCluster,
  sockets: readonly StormSocket[],
  kind: StormKind,
): Promise<StormRound> {
  const { layout, supervisor } = cluster;
  const leader = await findLeader(layout.nodes);
  const termBefore = (await clusterStatus(layout)).term;
  const victim = layout.nodes.find(({ name }) => name !== leader)!;
  const cutAtMs = performance.now();
  let lost: readonly StormSocket[] = sockets;
  if (kind === 'cut') for (const socket of sockets) socket.cut();
  else {
    lost = sockets.filter(({ url, isOpen }) => isOpen && url === apiUrl(victim));
    await supervisor.killNode(victim.name, { withSidecar: true });
  }
  const isBack = ({ isOpen, readyAtMs }: StormSocket): boolean => isOpen && readyAtMs > cutAtMs;
  while (!lost.every(isBack)) {
    if (performance.now() > cutAtMs + BACK_MS_MAX) {
      const away = lost.filter((socket) => !isBack(socket));
      const some = away.slice(0, SHOWN_MAX).map(({ url, attempts, trouble }) => `${url} ${attempts}× ${trouble}`);
      throw new Error(`${away.length} of ${lost.length} are not back: ${some.join('; ')}`);
    }
    await delay(POLL_MS);
  }
  const { term } = await clusterStatus(layout);
  if (kind === 'kill') {
    supervisor.startNode(victim.name);
    if (!(await whenReady(layout, { timeoutMs: SERVE_MS_MAX }))) throw new Error(`${victim.name} does not come back`);
  }
  return {
    kind,
    lost: lost.length,
    back: distributionOf(lost.map(({ readyAtMs }) => readyAtMs - cutAtMs)),
    failedAttempts: lost.reduce((sum, { attempts }) => sum + attempts, 0),
    elections: term - termBefore,
  };
}

/** Who was not shown the last of what was acknowledged in its rooms, once all had time for it. */
async function lacking(
  sockets: readonly StormSocket[],
  people: readonly Person[],
  rooms: readonly StormRoom[],
  lastSeqs: ReadonlyMap<string, number>,
): Promise<string[]> {
  const deadline = performance.now() + SEEN_MS_MAX;
  const roomOf = new Map(rooms.flatMap(({ room, members }) => members.map((person) => [person, room.room] as const)));
  const find = (): string[] =>
    sockets.flatMap(({ seen }, i) => {
      const room = roomOf.get(people[i % people.length]!)!;
      const [at, last] = [seen.lastOf(room), lastSeqs.get(room) ?? 0];
      return at >= last ? [] : [`gap: socket ${i}, ${room}: ${at} of ${last}`];
    });
  for (;;) {
    const unseen = find();
    if (unseen.length === 0 || performance.now() > deadline) return unseen;
    await delay(POLL_MS);
  }
}
