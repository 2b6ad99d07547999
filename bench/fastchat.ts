import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { within } from './deadline.ts';
import { FastChatClient, Passages, type Passage } from './fastchat-client.ts';
import { IMAGES_PER_RUN, LATE_BY_MS, MESSAGES_PER_RUN } from './fastchat-figures.ts';
import { percentile } from '../scripts/chaos/percentiles.ts';
import { seededRandom } from '../scripts/chaos/random.ts';
import { startScratchCluster } from '../scripts/load/scratch-cluster.ts';
import { apiUrl } from '../src/cli/local-cluster/layout.ts';
import { formatTable } from '../src/cli/table.ts';
import type { FastChatFigures, FastChatTest } from './fastchat-figures.ts';

const NODES = 3;
/** Values that a pause is drawn from: 0, 1 … 10 fifths of the mean. */
const PAUSE_STEPS = 11;
const ALL_THERE_MS_MAX = 180_000;
const SHOWN_MAX = 5;
const BAR_LENGTH = 40;
/** Upper ends of the classes of the histogram, in milliseconds. */
const CLASSES_MS = [5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, Number.POSITIVE_INFINITY];

export interface FastChatResult extends FastChatFigures {
  readonly test: string;
  readonly messages: number;
  readonly images: number;
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Latencies in the classes of `classesMs`. */
  readonly histogram: readonly number[];
  readonly classesMs: readonly number[];
  /** Of this machine while it ran: processes that wanted a processor. */
  readonly loadAverage: number;
}

/** FastChat's own load against a cluster of three, in which everybody is a whole client engine of this process. */
export async function measureFastChat(test: FastChatTest, say: (text: string) => void): Promise<FastChatResult> {
  const cluster = await startScratchCluster({ nodes: NODES, restart: false, say });
  const folder = mkdtempSync(join(tmpdir(), 'parley-fastchat-'));
  const everybody: FastChatClient[] = [];
  const passages = new Passages();
  const random = seededRandom(1);
  const enter = async (number: number): Promise<void> => {
    const endpoint = apiUrl(cluster.layout.nodes[number % NODES]!);
    everybody.push(await FastChatClient.join({ name: `user${number}`, endpoint, folder, passages }));
  };
  try {
    const half = Math.floor(test.clients / 2);
    for (let number = 0; number < half; number++) await enter(number);
    const early = everybody.map((client) => chat(client, everybody, test, random));
    await delay(LATE_BY_MS);
    for (let number = half; number < test.clients; number++) await enter(number);
    const late = everybody.slice(half).map((client) => chat(client, everybody, test, random));
    await Promise.all([...early, ...late]);
    say(`${test.name}: everything is sent`);
    await within(ALL_THERE_MS_MAX, untilAllThere(passages), () => {
      const lacking = passages.underWay;
      return `${lacking.length} messages, ${lacking.slice(0, SHOWN_MAX).join(', ')}`;
    });
    return resultOf(test, passages.all);
  } finally {
    await Promise.allSettled(everybody.map((client) => client.leave()));
    await cluster.close();
    rmSync(folder, { recursive: true });
  }
}

/** To everybody who is there by then but oneself, as often as there are iterations. */
async function chat(
  client: FastChatClient,
  everybody: readonly FastChatClient[],
  { iterations, pauseMs, imageShare }: FastChatTest,
  random: () => number,
): Promise<void> {
  for (let iteration = 0; iteration < iterations; iteration++) {
    for (const { name } of [...everybody]) {
      if (name === client.name) continue;
      const key = `${client.name} to ${name}: hello ${iteration}`;
      if (random() < imageShare) await client.show(name, key);
      else await client.say(name, key);
      await delay((Math.floor(random() * PAUSE_STEPS) * pauseMs * 2) / (PAUSE_STEPS - 1));
    }
  }
}

async function untilAllThere(passages: Passages): Promise<void> {
  while (passages.underWay.length > 0) await delay(50);
}

function resultOf(test: FastChatTest, passages: readonly Passage[]): FastChatResult {
  const [texts, images] = [passages.filter(({ isImage }) => !isImage), passages.filter(({ isImage }) => isImage)];
  const latencies = passages.map(({ sentAtMs, gotAtMs }) => gotAtMs! - sentAtMs).toSorted((a, b) => a - b);
  const rates = (of: readonly Passage[], run: number): { in: number; out: number } => ({
    in: meanRate(
      of.map(({ sentAtMs }) => sentAtMs),
      run,
    ),
    out: meanRate(
      of.map(({ gotAtMs }) => gotAtMs!),
      run,
    ),
  });
  const histogram = CLASSES_MS.map((end, i) => {
    const start = i === 0 ? Number.NEGATIVE_INFINITY : CLASSES_MS[i - 1]!;
    return latencies.filter((ms) => ms > start && ms <= end).length;
  });
  return {
    test: test.name,
    servers: NODES,
    messages: texts.length,
    images: images.length,
    meanLatencyMs: round(latencies.reduce((sum, ms) => sum + ms, 0) / latencies.length),
    latencyMs: {
      p50: round(percentile(latencies, 0.5)),
      p99: round(percentile(latencies, 0.99)),
      max: round(latencies.at(-1)!),
    },
    messagesPerSecond: rates(texts, MESSAGES_PER_RUN),
    imagesPerSecond: images.length < IMAGES_PER_RUN ? null : rates(images, IMAGES_PER_RUN),
    histogram,
    classesMs: CLASSES_MS,
    loadAverage: round(loadavg()[0]!),
  };
}

/** The mean of the rates of all whole runs of so many, per second. */
function meanRate(timesMs: readonly number[], run: number): number {
  const sorted = timesMs.toSorted((a, b) => a - b);
  const rates: number[] = [];
  for (let i = 0; i + run < sorted.length; i += run) rates.push((1_000 * run) / (sorted[i + run]! - sorted[i]!));
  return round(rates.reduce((sum, rate) => sum + rate, 0) / rates.length);
}

/** Both columns beside each other, and how the latencies are spread. */
export function renderFastChat({ published }: FastChatTest, result: FastChatResult): string {
  const rows = [
    ['servers', String(published.servers), String(result.servers)],
    ['mean latency, ms', String(published.meanLatencyMs), String(result.meanLatencyMs)],
    ['messages/s in', String(published.messagesPerSecond.in), String(result.messagesPerSecond.in)],
    ['messages/s out', String(published.messagesPerSecond.out), String(result.messagesPerSecond.out)],
    ['images/s in', String(published.imagesPerSecond?.in ?? ''), String(result.imagesPerSecond?.in ?? '')],
    ['images/s out', String(published.imagesPerSecond?.out ?? ''), String(result.imagesPerSecond?.out ?? '')],
  ];
  const most = Math.max(...result.histogram);
  const bars = result.histogram.map((count, i) => {
    const bar = '#'.repeat(Math.ceil((count * BAR_LENGTH) / most));
    return [i === CLASSES_MS.length - 1 ? 'more' : `≤ ${CLASSES_MS[i]} ms`, String(count), bar];
  });
  const head = `${result.test}: ${result.messages} messages, ${result.images} images; load average ${result.loadAverage}`;
  return [
    head,
    formatTable(['', 'FastChat, published', 'Parley, here'], rows, [1, 2]),
    formatTable(['latency', 'messages', ''], bars, [1]),
  ].join('\n');
}

const round = (value: number): number => Math.round(value * 10) / 10;
