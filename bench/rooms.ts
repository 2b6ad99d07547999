import { measureAccount, type AccountMeasurement } from './account-of-many-rooms.ts';
import { within } from './deadline.ts';
import { measureFanOut, type FanOut } from './fan-out.ts';
import { inLanes } from '../scripts/load/lanes.ts';
import { timePages } from './pages.ts';
import { distributionOf, type Distribution } from '../scripts/chaos/percentiles.ts';
import { FeedSocket } from '../scripts/load/feed-socket.ts';
import { joinOpenRoom, makeOpenRoom } from '../scripts/load/open-room.ts';
import { createPerson, tokenOf } from '../scripts/load/person.ts';
import { paddedText, sealText } from '../scripts/load/sealed-texts.ts';
import { startScratchCluster } from '../scripts/load/scratch-cluster.ts';
import { apiUrl } from '../src/cli/local-cluster/layout.ts';
import type { FanOutLoad } from './fan-out.ts';
import type { Person } from '../scripts/load/person.ts';
import type { RoomDetailJson } from '../src/protocol/http/schemas.ts';

const SENDS = 400;
const TEXT_BYTES = 256;
const PAGE = 100;
/** A message that is not everywhere by then never will be, and somebody has to say where it is not. */
const EVERYWHERE_MS_MAX = 30_000;
const SHOWN_MAX = 10;
/** Rooms in which all look on, and how many messages each gets. */
const FAN_OUTS: readonly { readonly sockets: number; readonly load: FanOutLoad }[] = [
  { sockets: 100, load: { messages: 20_000, perSender: 20 } },
  { sockets: 500, load: { messages: 6_000, perSender: 20 } },
];

export interface RoomsMeasurement {
  readonly members: number;
  readonly sockets: number;
  /** Milliseconds. */
  readonly send: { readonly small: SendTimes; readonly large: SendTimes };
  readonly joins: { readonly perSecond: number; readonly first: Distribution; readonly last: Distribution };
  readonly membersPage: Distribution;
  readonly fanOut: readonly FanOut[];
  readonly roomsOfAccount: AccountMeasurement;
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
    const [small, large] = [await makeOpenRoom(urls[0]!, owner, 'small'), await makeOpenRoom(urls[0]!, owner, 'large')];
    for (const person of people.slice(1, 3)) await joinOpenRoom(urls[0]!, person, small.room);
    const joinMs: number[] = [];
    const startedAt = performance.now();
    await inLanes(members - 1, async (i) => {
      const at = performance.now();
      await joinOpenRoom(urls[i % urls.length]!, people[i + 1]!, large.room);
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
    const fanOut: FanOut[] = [];
    for (const { sockets: size, load } of FAN_OUTS) {
      if (size > members) continue;
      const room = await makeOpenRoom(urls[0]!, owner, `fan-out ${size}`);
      await inLanes(size - 1, (i) => joinOpenRoom(urls[i % urls.length]!, people[i + 1]!, room.room));
      fanOut.push(await measureFanOut(urls, people.slice(0, size), room, load));
      say(`fan-out to ${size}: ${fanOut.at(-1)!.deliveriesPerSecond} deliveries/s`);
    }
    const membersPage = await timePages(urls[0]!, owner, (i) => {
      const after = (i * PAGE) % members;
      return `/v1/rooms/${large.room}/members?after=${after}&limit=${PAGE}`;
    });
    const roomsOfAccount = await measureAccount(urls[0]!, owner, rooms, say);
    return { members, sockets, send, joins, membersPage, fanOut, roomsOfAccount };
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
  const watch = new Watch(people, urls);
  await watch.open();
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
    const everywhere = watch.expect(text.txnId, readers);
    const outcome = await watch.sender.send(text.room, text.txnId, text.envelope);
    if (outcome.kind !== 'ok') throw new Error(`A message was not taken: ${JSON.stringify(outcome)}`);
    times[which].ack.push(performance.now() - at);
    await within(EVERYWHERE_MS_MAX, everywhere, () => `message ${counter} (${which} room): ${watch.lacking(readers)}`);
    times[which].all.push(performance.now() - at);
  }
  watch.close();
  const timesOf = ({ ack, all }: (typeof times)['small']): SendTimes => ({
    ack: distributionOf(ack),
    everywhere: distributionOf(all),
  });
  return { small: timesOf(times.small), large: timesOf(times.large) };
}

/** Sockets of all who look on, and who of them has the message that is under way. */
class Watch {
  readonly #people: readonly Person[];
  readonly #urls: readonly string[];
  readonly #feeds: FeedSocket[] = [];
  readonly #closed = new Map<number, string>();
  readonly #has = new Set<number>();
  #txnId = '';
  #readers = 0;
  #done: () => void = () => {};

  constructor(people: readonly Person[], urls: readonly string[]) {
    this.#people = people;
    this.#urls = urls;
  }

  async open(): Promise<void> {
    await inLanes(this.#people.length, async (i) => {
      const url = this.#urls[i % this.#urls.length]!;
      // Making everybody may have taken longer than a token lasts.
      const token = await tokenOf(url, this.#people[i]!);
      this.#feeds[i] = await FeedSocket.connect(url, token, null, {
        onEvent: ({ event }) => {
          if (event.kind === 'message' && event.id.startsWith(this.#txnId)) this.#arrived(i);
        },
        onClose: (code, reason) => this.#closed.set(i, `closed with ${code} ${reason}`),
      });
    });
  }

  get sender(): FeedSocket {
    return this.#feeds[0]!;
  }

  /** Resolves when the first so many have it. */
  expect(txnId: string, readers: number): Promise<void> {
    this.#txnId = txnId;
    this.#readers = readers;
    this.#has.clear();
    return new Promise((resolve) => (this.#done = resolve));
  }

  lacking(readers: number): string {
    const behind = this.#people.slice(0, readers).flatMap(({ name }, i) => {
      if (this.#has.has(i)) return [];
      return [`${name} on node ${(i % this.#urls.length) + 1} (${this.#closed.get(i) ?? 'open'})`];
    });
    return `lacking at ${behind.length} of ${readers} sockets: ${behind.slice(0, SHOWN_MAX).join(', ')}`;
  }

  close(): void {
    for (const feed of this.#feeds) feed.close();
  }

  #arrived(i: number): void {
    this.#has.add(i);
    if (this.#has.size === this.#readers) this.#done();
  }
}
