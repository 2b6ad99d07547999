import { loadavg } from 'node:os';
import { slowReader } from './slow-reader.ts';
import { reconnectStorm } from './storm/reconnect-storm.ts';
import type { Distribution } from './percentiles.ts';
import type { StormKind } from './storm/reconnect-storm.ts';

/** What is promised to a crowd; see `docs/` and the usage of `npm run chaos`. */
const PROMISES = {
  backP99MsMax: 10_000,
  cutMsMax: 10_000,
  queuedBytesMax: 32 * 1024 * 1024,
  othersRatioMax: 1.5,
} as const;

interface Asked {
  readonly sockets: number;
  readonly slow: number;
  readonly rounds: number;
  readonly rate: number;
  readonly how: readonly StormKind[];
}

type Say = (sentence: string) => void;

/** @returns whether every promise was kept */
export async function runReconnectStorm(asked: Asked, say: Say): Promise<boolean> {
  const { rounds, troubles, gaps, dups, sockets, messages } = await reconnectStorm({ ...asked, say });
  const broken = [
    ...troubles,
    ...rounds.flatMap(({ kind, back, elections }, i) => [
      ...(back.p99 > PROMISES.backP99MsMax ? [`round ${i + 1}, ${kind}: p99 ${back.p99.toFixed(0)} ms`] : []),
      ...(elections > 0 ? [`round ${i + 1}, ${kind}: ${elections} elections`] : []),
    ]),
  ];
  for (const kind of new Set(rounds.map((round) => round.kind))) {
    const same = rounds.filter((round) => round.kind === kind);
    const failed = same.reduce((sum, { failedAttempts }) => sum + failedAttempts, 0);
    const worst = same.toSorted((a, b) => a.back.p99 - b.back.p99).at(-1)!;
    say(
      `${kind}: ${worst.lost} sockets back: ${show(worst.back)} in the worst of ${same.length}; ${failed} attempts failed`,
    );
  }
  const score = [`sockets=${sockets}`, `rounds=${rounds.length}`, `messages=${messages}`, `gap=${gaps} dup=${dups}`];
  return verdict(broken, score, say);
}

/** @returns whether every promise was kept */
export async function runSlowReader(asked: Asked, say: Say): Promise<boolean> {
  const { alone, beside, cutMs, queuedBytesEachMax, grewBytesEach } = await slowReader({ ...asked, say });
  const ratio = beside.p99 / alone.p99;
  const late = cutMs.filter((ms) => ms === null || ms > PROMISES.cutMsMax).length;
  const broken = [
    ...(late > 0 ? [`${late} of ${cutMs.length} times they were not cut off in time`] : []),
    ...(queuedBytesEachMax > PROMISES.queuedBytesMax ? [`${mebibytes(queuedBytesEachMax)} waited for one`] : []),
    ...(ratio > PROMISES.othersRatioMax ? [`the others waited ${ratio.toFixed(2)} times as long`] : []),
  ];
  say(`others, alone:  ${show(alone)}`);
  say(`others, beside: ${show(beside)}; p99 ${ratio.toFixed(2)} times as long`);
  const score = [
    `slow=${asked.slow} rounds=${asked.rounds}`,
    `cut after ${cutMs.map((ms) => ms?.toFixed(0) ?? 'never').join('/')} ms`,
    `queued for each at most ${mebibytes(queuedBytesEachMax)}, resident growth for each ${mebibytes(grewBytesEach)}`,
  ];
  return verdict(broken, score, say);
}

function verdict(broken: readonly string[], score: readonly string[], say: Say): boolean {
  for (const sentence of broken) say(`VIOLATION ${sentence}`);
  say([...score, `load average ${loadavg()[0]!.toFixed(1)}`].join(' | '));
  return broken.length === 0;
}

const mebibytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;

function show({ n, p50, p99, max }: Distribution): string {
  return `p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms, max ${max.toFixed(0)} ms (n=${n})`;
}
