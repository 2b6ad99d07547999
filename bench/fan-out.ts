import { CountingSocket } from './counting-socket.ts';
import { cpuMs } from './cpu-time.ts';
import { within } from './deadline.ts';
import { FeedSocket } from '../scripts/load/feed-socket.ts';
import { tokenOf } from '../scripts/load/person.ts';
import { paddedText, sealText } from '../scripts/load/sealed-texts.ts';
import type { Person } from '../scripts/load/person.ts';
import type { SealedText } from '../scripts/load/sealed-texts.ts';
import type { RoomDetailJson } from '../src/protocol/http/schemas.ts';

const SENDERS = 10;
const TEXT_BYTES = 256;
const FAN_OUT_MS_MAX = 120_000;
const SHOWN_MAX = 10;

export interface FanOut {
  readonly sockets: number;
  readonly messages: number;
  readonly perSender: number;
  readonly deliveriesPerSecond: number;
  readonly messagesPerSecond: number;
  readonly megabytesPerSecond: number;
  /** Of the processor time of one core, what the load itself took: it shares the machine. */
  readonly loadShare: number;
}

export interface FanOutLoad {
  readonly messages: number;
  /** Unanswered messages of each of the senders. */
  readonly perSender: number;
}

/**
 * As many messages as go through one room, to all who look on. The clock runs from the first send until every socket
 * has counted every message.
 */
export async function measureFanOut(
  urls: readonly string[],
  people: readonly Person[],
  room: RoomDetailJson,
  { messages, perSender }: FanOutLoad,
): Promise<FanOut> {
  const urlOf = (i: number): string => urls[i % urls.length]!;
  let done = (): void => {};
  const all = new Promise<void>((resolve) => (done = resolve));
  const readers: CountingSocket[] = [];
  const isComplete = (): boolean =>
    readers.length === people.length && readers.every(({ events }) => events >= messages);
  for (const [i, person] of people.entries()) {
    const token = await tokenOf(urlOf(i), person);
    readers.push(await CountingSocket.open(urlOf(i), token, () => isComplete() && done()));
  }
  const writers = people.slice(0, SENDERS);
  const texts = Array.from({ length: messages }, (_, i) => {
    const writer = i % writers.length;
    return { writer, text: sealText(writers[writer]!, room, paddedText(`message ${i} `, TEXT_BYTES), i + 1) };
  });
  const sockets = await Promise.all(
    writers.map(async (person, i) => FeedSocket.connect(urlOf(i), await tokenOf(urlOf(i), person), null, {})),
  );
  const queues = sockets.map((_, writer) => texts.filter((text) => text.writer === writer).values());
  const bytesBefore = sum(readers.map(({ bytes }) => bytes));
  const cpuBefore = cpuMs();
  const startedAt = performance.now();
  const lanes = sockets.flatMap((socket, i) => Array.from({ length: perSender }, () => sendAll(socket, queues[i]!)));
  const lacking = (): string => {
    const behind = readers.flatMap(({ events, closed }, i) =>
      events >= messages
        ? []
        : [`${people[i]!.name} has ${events} of ${messages}${closed === null ? '' : ` (${closed})`}`],
    );
    return `${behind.length} of ${readers.length} sockets lack messages: ${behind.slice(0, SHOWN_MAX).join('; ')}`;
  };
  await within(FAN_OUT_MS_MAX, Promise.all([all, ...lanes]), lacking);
  const seconds = (performance.now() - startedAt) / 1_000;
  const loadSeconds = (cpuMs() - cpuBefore) / 1_000;
  const bytes = sum(readers.map((reader) => reader.bytes)) - bytesBefore;
  for (const socket of [...readers, ...sockets]) socket.close();
  return {
    sockets: people.length,
    messages,
    perSender,
    deliveriesPerSecond: Math.round((people.length * messages) / seconds),
    messagesPerSecond: Math.round(messages / seconds),
    megabytesPerSecond: Math.round(bytes / 1e6 / seconds),
    loadShare: Math.round((loadSeconds / seconds) * 100) / 100,
  };
}

async function sendAll(socket: FeedSocket, queue: IterableIterator<{ readonly text: SealedText }>): Promise<void> {
  for (const { text } of queue) {
    const { room, txnId, envelope } = text;
    const outcome = await socket.send(room, txnId, envelope);
    if (outcome.kind !== 'ok') throw new Error(`A message was not taken: ${JSON.stringify(outcome)}`);
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
