import { inLanes } from '../scripts/load/lanes.ts';
import { timePages } from './pages.ts';
import { within } from './deadline.ts';
import { distributionOf, type Distribution } from '../scripts/chaos/percentiles.ts';
import { FeedSocket } from '../scripts/load/feed-socket.ts';
import { requestJson } from '../scripts/load/http.ts';
import { createPerson, tokenOf } from '../scripts/load/person.ts';
import { paddedText, sealText } from '../scripts/load/sealed-texts.ts';
import { ulid } from '../scripts/load/ulid.ts';
import type { Person } from '../scripts/load/person.ts';
import type { RoomDetailJson } from '../src/protocol/http/schemas.ts';

const ROUNDS = 30;
/** Rooms in which something was written while it was away. */
const MISSED = 10;
const TEXT_BYTES = 256;
const PAGE = 100;
const CAUGHT_UP_MS_MAX = 30_000;
const FEW_ROOMS = MISSED;

export interface AccountTimes {
  readonly rooms: number;
  /** Milliseconds. From opening a socket until `ready`. */
  readonly identify: Distribution;
  /** The same with a cursor, until all that was missed is there. */
  readonly resume: Distribution;
  readonly roomsPage: Distribution;
  readonly send: Distribution;
}

export interface AccountMeasurement {
  readonly many: AccountTimes;
  readonly few: AccountTimes;
}

/** What an account in many rooms waits for, beside one in few. */
export async function measureAccount(
  url: string,
  writer: Person,
  rooms: number,
  say: (text: string) => void,
): Promise<AccountMeasurement> {
  const many = await accountIn(url, writer, rooms, 'many');
  say(`an account in ${rooms} rooms`);
  const few = await accountIn(url, writer, FEW_ROOMS, 'few');
  return { many: await timesOf(url, many), few: await timesOf(url, few) };
}

interface Account {
  readonly person: Person;
  readonly writer: Person;
  readonly rooms: readonly string[];
}

/** Most of its rooms are its own; in some the writer is, too. */
async function accountIn(url: string, writer: Person, count: number, name: string): Promise<Account> {
  const person = await createPerson(url, name);
  const rooms: string[] = [];
  await inLanes(count, async (i) => {
    const members = i < MISSED ? [writer.account] : [];
    const body = { kind: 'group', members, txnId: ulid() };
    rooms[i] = (
      await requestJson<{ room: string }>(url, 'POST', '/v1/rooms', { token: await tokenOf(url, person), body })
    ).room;
  });
  return { person, writer, rooms };
}

async function timesOf(url: string, { person, writer, rooms }: Account): Promise<AccountTimes> {
  const token = await tokenOf(url, person);
  const shared = await Promise.all(
    rooms.slice(0, MISSED).map((room) => requestJson<RoomDetailJson>(url, 'GET', `/v1/rooms/${room}`, { token })),
  );
  const sorted = rooms.toSorted();
  const roomsPage = await timePages(url, person, (i) => {
    return `/v1/rooms?limit=${PAGE}&after=${sorted[(i * PAGE) % sorted.length]!}`;
  });
  const writing = await FeedSocket.connect(url, await tokenOf(url, writer), null, {});
  const times = { identify: [] as number[], resume: [] as number[], send: [] as number[] };
  for (let round = 0; round < ROUNDS; round++) {
    let at = performance.now();
    const feed = await FeedSocket.connect(url, token, null, {});
    times.identify.push(performance.now() - at);
    const { cursor } = feed;
    const own = sealText(person, shared[0]!, paddedText(`own ${round} `, TEXT_BYTES), round + 1);
    at = performance.now();
    await feed.send(own.room, own.txnId, own.envelope);
    times.send.push(performance.now() - at);
    feed.close();
    for (const [i, room] of shared.entries()) {
      const text = sealText(writer, room, paddedText(`${round} `, TEXT_BYTES), round * MISSED + i + 1);
      await writing.send(text.room, text.txnId, text.envelope);
    }
    times.resume.push(await resume(url, token, cursor, MISSED + 1));
  }
  writing.close();
  return {
    rooms: rooms.length,
    identify: distributionOf(times.identify),
    resume: distributionOf(times.resume),
    roomsPage,
    send: distributionOf(times.send),
  };
}

/** Milliseconds until so many messages that were missed are there. */
async function resume(url: string, token: string, cursor: string, missed: number): Promise<number> {
  let left = missed;
  let done = (): void => {};
  const all = new Promise<void>((resolve) => (done = resolve));
  const at = performance.now();
  const feed = await FeedSocket.connect(url, token, cursor, {
    onEvent: ({ event }) => {
      if (event.kind !== 'message') return;
      left -= 1;
      if (left === 0) done();
    },
  });
  await within(CAUGHT_UP_MS_MAX, all, () => `${left} of ${missed} missed messages`);
  feed.close();
  return performance.now() - at;
}
