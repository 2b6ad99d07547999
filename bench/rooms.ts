import { distributionOf, type Distribution } from '../scripts/chaos/percentiles.ts';
import { FeedSocket } from '../scripts/load/feed-socket.ts';
import { requestJson } from '../scripts/load/http.ts';
import { createPerson } from '../scripts/load/person.ts';
import { paddedText, sealOpenName, sealText } from '../scripts/load/sealed-texts.ts';
import { startScratchCluster } from '../scripts/load/scratch-cluster.ts';
import { ulid } from '../scripts/load/ulid.ts';
import { apiUrl } from '../src/cli/local-cluster/layout.ts';
import { openRoomIdOf } from '../src/protocol/derive-ids.ts';
import type { Person } from '../scripts/load/person.ts';
import type { RoomDetailJson } from '../src/protocol/http/schemas.ts';

const SENDS = 400;
const TEXT_BYTES = 256;
/** Requests under way at once while people are made and join. */
const LANES = 16;
const PAGE = 100;
const PAGE_READS = 100;

export interface RoomsMeasurement {
  readonly members: number;
  readonly sockets: number;
  /** Milliseconds. */
  readonly send: { readonly small: SendTimes; readonly large: SendTimes };
  readonly joins: { readonly perSecond: number; readonly first: Distribution; readonly last: Distribution };
  readonly membersPage: Distribution;
  readonly roomsOfAccount: { readonly rooms: number; readonly page: Distribution; readonly socketReadyMs: number };
}

interface SendTimes {
  readonly ack: Distribution;
  /** From sending until the last socket has it. */
  readonly everywhere: Distribution;
}

/** A room of many with some of them looking on, beside one of three; and an account that is in many rooms. */
export async function measureRooms(
  { members, sockets, rooms }: { readonly members: number; readonly sockets: number; readonly rooms: number },
  say: (text: string) => void,
): Promise<RoomsMeasurement> {
  const cluster = await startScratchCluster({ nodes: 3, restart: false, say });
  try {
    const urls = cluster.layout.nodes.map(apiUrl);
    const people: Person[] = [];
    await inLanes(members, async (i) => {
      people[i] = await createPerson(urls[i % urls.length]!, `p${i}`);
    });
    say(`${members} people`);
    const owner = people[0]!;
    const [small, large] = [await openRoom(urls[0]!, owner, 'small'), await openRoom(urls[0]!, owner, 'large')];
    for (const person of people.slice(1, 3)) await join(urls[0]!, person, small.room);
    const joinMs: number[] = [];
    const startedAt = performance.now();
    await inLanes(members - 1, async (i) => {
      const at = performance.now();
      await join(urls[i % urls.length]!, people[i + 1]!, large.room);
      joinMs.push(performance.now() - at);
    });
    const perSecond = Math.round(((members - 1) * 1_000) / (performance.now() - startedAt));
    const tenth = Math.ceil(joinMs.length / 10);
    const joins = {
      perSecond,
      first: distributionOf(joinMs.slice(0, tenth)),
      last: distributionOf(joinMs.slice(-tenth)),
    };
    say(`${members} joined`);
    const send = await measureSends({ urls, people: people.slice(0, sockets), small, large });
    say('sent');
    const membersPage = await pages(urls[0]!, owner, (i) => {
      const after = (i * PAGE) % members;
      return `/v1/rooms/${large.room}/members?after=${after}&limit=${PAGE}`;
    });
    return { members, sockets, send, joins, membersPage, roomsOfAccount: await measureAccount(urls[0]!, rooms, say) };
  } finally {
    await cluster.close();
  }
}

/** Small and large in turn, so that both see the same machine. */
async function measureSends(of: {
  readonly urls: readonly string[];
  readonly people: readonly Person[];
  readonly small: RoomDetailJson;
  readonly large: RoomDetailJson;
}): Promise<RoomsMeasurement['send']> {
  const { urls, people, small, large } = of;
  const missing = new Map<string, { left: number; readonly done: () => void }>();
  const onEvent: NonNullable<Parameters<typeof FeedSocket.connect>[3]['onEvent']> = ({ event }) => {
    const waiting = event.kind === 'message' ? missing.get(event.id.slice(0, 26)) : undefined;
    if (waiting === undefined) return;
    waiting.left -= 1;
    if (waiting.left === 0) waiting.done();
  };
  const feeds = await Promise.all(
    people.map(({ session }, i) => FeedSocket.connect(urls[i % urls.length]!, session.token, null, { onEvent })),
  );
  const times = {
    small: { ack: [] as number[], all: [] as number[] },
    large: { ack: [] as number[], all: [] as number[] },
  };
  for (let counter = 1; counter <= 2 * SENDS; counter++) {
    const which = counter % 2 === 0 ? 'small' : 'large';
    const readers = which === 'small' ? Math.min(3, people.length) : people.length;
    const room = which === 'small' ? small : large;
    const text = sealText(people[0]!, room, paddedText(`message ${counter} `, TEXT_BYTES), counter);
    const at = performance.now();
    const everywhere = new Promise<void>((done) => missing.set(text.txnId, { left: readers, done }));
    const outcome = await feeds[0]!.send(text.room, text.txnId, text.envelope);
    if (outcome.kind !== 'ok') throw new Error(`A message was not taken: ${JSON.stringify(outcome)}`);
    times[which].ack.push(performance.now() - at);
    await everywhere;
    times[which].all.push(performance.now() - at);
    missing.delete(text.txnId);
  }
  for (const feed of feeds) feed.close();
  const timesOf = ({ ack, all }: (typeof times)['small']): SendTimes => ({
    ack: distributionOf(ack),
    everywhere: distributionOf(all),
  });
  return { small: timesOf(times.small), large: timesOf(times.large) };
}

async function measureAccount(
  url: string,
  rooms: number,
  say: (text: string) => void,
): Promise<RoomsMeasurement['roomsOfAccount']> {
  const busy = await createPerson(url, 'busy');
  const ids: string[] = [];
  await inLanes(rooms, async () => {
    const body = { kind: 'group', members: [], txnId: ulid() };
    const { room } = await requestJson<{ room: string }>(url, 'POST', '/v1/rooms', { token: busy.session.token, body });
    ids.push(room);
  });
  say(`${rooms} rooms`);
  ids.sort();
  const page = await pages(url, busy, (i) => `/v1/rooms?limit=${PAGE}&after=${ids[(i * PAGE) % ids.length]!}`);
  const at = performance.now();
  const feed = await FeedSocket.connect(url, busy.session.token, null, {});
  const socketReadyMs = performance.now() - at;
  feed.close();
  return { rooms, page, socketReadyMs };
}

async function pages(url: string, person: Person, pathOf: (i: number) => string): Promise<Distribution> {
  const times: number[] = [];
  for (let i = 0; i < PAGE_READS; i++) {
    const at = performance.now();
    await requestJson(url, 'GET', pathOf(i), { token: person.session.token });
    times.push(performance.now() - at);
  }
  return distributionOf(times);
}

async function openRoom(url: string, owner: Person, name: string): Promise<RoomDetailJson> {
  const txnId = ulid();
  const room = openRoomIdOf(owner.account, txnId);
  const { token } = owner.session;
  const body = { kind: 'open', members: [], sealedMeta: sealOpenName(owner, room, name), txnId };
  await requestJson(url, 'POST', '/v1/rooms', { token, body });
  return requestJson<RoomDetailJson>(url, 'GET', `/v1/rooms/${room}`, { token });
}

async function join(url: string, person: Person, room: string): Promise<void> {
  await requestJson(url, 'POST', `/v1/rooms/${room}/join`, { token: person.session.token, body: { txnId: ulid() } });
}

async function inLanes(count: number, work: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}
