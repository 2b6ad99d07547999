/** `npm run bench`: what a cluster of three nodes does on this machine, the load beside it. */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { measureDiskRate } from './disk-rate.ts';
import { FASTCHAT_TESTS } from './fastchat-figures.ts';
import { measureFastChat, renderFastChat } from './fastchat.ts';
import { measureFiles } from './files.ts';
import { measureFrames, renderFrames } from './frames.ts';
import { createPairs, measure } from './messages.ts';
import { measureMls, renderMls } from './mls.ts';
import { measureRooms } from './rooms.ts';
import { measureSealing, renderSealing } from './sealing.ts';
import { measureSnapshot } from './snapshot.ts';
import { startScratchCluster } from '../scripts/load/scratch-cluster.ts';
import { percentile } from '../scripts/chaos/percentiles.ts';
import { formatTable } from '../src/cli/table.ts';
import type { CpuTimes } from './cluster-cpu.ts';
import type { Load, Measurement } from './messages.ts';

const NODES = 3;
const DISK_MS = 2_000;
const SNAPSHOT_MEGABYTES = '2000';
const SNAPSHOT_ROW_BYTES = '4096';
const FILE_MEGABYTES = '1024';
const MLS_DEVICES = '2000';
const ROOM_MEMBERS = '5000';
const ROOM_SOCKETS = '300';
const ACCOUNT_ROOMS = '10000';
const USAGE = `usage: npm run bench [-- --runs N] [--json FILE]
       npm run bench -- snapshot [--megabytes N] [--row-bytes N]
       npm run bench -- files [--megabytes N] [--kill]
       npm run bench -- mls [--devices N]
       npm run bench -- frames
       npm run bench -- sealing
       npm run bench -- rooms [--members N] [--sockets N] [--rooms N]
       npm run bench -- fastchat [--tests NAME[,NAME…]] [--clients N] [--iterations N]

Three nodes on free ports, encrypted 256-byte texts in direct rooms over the public WebSocket API; texts are
encrypted before the clock starts. Closed loop. Rates are also given as multiples of F, the rate at which this
disk takes durable 4 KiB appends in the same run. Medians over the runs, with their least and greatest. The last
columns: the processor time that one message took of all nodes, of their nats-servers and of the bench, in µs (Linux).

snapshot: fills the state of one node with N megabytes (default 2000, of 10⁶ bytes) in rows of so many bytes (default
4096), lets a second node in, and a third while people write. Prints how long the snapshots took, how much the memory of
both sides grew, how late their event loops were, and how long people waited for acknowledgements with and without.
Linux only.

files: sends one encrypted file (default 1024 MiB) through one node and gets it through another, and prints how long
that took, the peak memory of nodes and clients, and whose disks hold it in the end. With --kill both nodes die half-way
and come back.

rooms: an open room of N members (default 5000) with so many sockets looking on (default 300), beside one of three: joining,
sending, one message after the other in turn, and pages of members; deliveries per second in rooms of 100 and 500 in which
all look on; and an account in so many rooms (default 10000) beside one in ten: identify, resume, page of rooms, send.
What does not arrive ends it, and says at which sockets.

fastchat: the load of FastChat's own three tests (test1, test2, test3; default all) over three nodes, everybody being a whole
client that encrypts and decrypts, next to the figures that FastChat published. Some four minutes for each.

frames: what sealing and opening frames between nodes costs, in processor time, and in multiples of encrypting as much
once.

sealing: what writing and reading rows of a node's disk costs sealed and not, in processor time.

mls: the MLS engine by itself, in processor time: messages per second of one core, and what handshakes cost in groups of 2 to N devices
(default 2000).`;

const KINDS: ReadonlySet<string> = new Set(['', 'snapshot', 'files', 'mls', 'rooms', 'fastchat', 'frames', 'sealing']);
const LOADS: readonly Load[] = [
  { name: '1', sockets: 1, perSocket: 1, messages: 1_500 },
  { name: '10', sockets: 10, perSocket: 1, messages: 5_000 },
  { name: '100 (100 sockets)', sockets: 100, perSocket: 1, messages: 15_000 },
  { name: '1000 (50 sockets × 20)', sockets: 50, perSocket: 20, messages: 20_000 },
];

interface Result {
  readonly load: string;
  readonly runs: readonly Measurement[];
}

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      runs: { type: 'string', default: '3' },
      megabytes: { type: 'string' },
      'row-bytes': { type: 'string', default: SNAPSHOT_ROW_BYTES },
      devices: { type: 'string', default: MLS_DEVICES },
      members: { type: 'string', default: ROOM_MEMBERS },
      sockets: { type: 'string', default: ROOM_SOCKETS },
      rooms: { type: 'string', default: ACCOUNT_ROOMS },
      tests: { type: 'string', default: FASTCHAT_TESTS.map(({ name }) => name).join() },
      clients: { type: 'string' },
      iterations: { type: 'string' },
      kill: { type: 'boolean' },
      json: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  const what = positionals.join(' ');
  const preset = what === 'files' ? FILE_MEGABYTES : SNAPSHOT_MEGABYTES;
  const [runs, megabytes] = [Number(values.runs), Number(values.megabytes ?? preset)];
  const rowBytes = Number(values['row-bytes']);
  const wellFormed = isWithin(runs, 1, 20) && isWithin(megabytes, 1, 16_384) && isWithin(rowBytes, 16, 262_144);
  if (values.help === true || !wellFormed || !KINDS.has(what)) {
    console.log(USAGE);
    return values.help === true ? 0 : 2;
  }
  if (what === 'snapshot') {
    console.log(JSON.stringify(await measureSnapshot({ megabytes, rowBytes, say: console.error }), null, 1));
    return 0;
  }
  if (what === 'mls') {
    const measurement = measureMls(Number(values.devices), console.error);
    console.log(`${machineName()}\n${renderMls(measurement)}`);
    console.log(JSON.stringify(measurement));
    return 0;
  }
  if (what === 'frames') {
    console.log(`${machineName()}\n${renderFrames(measureFrames())}`);
    return 0;
  }
  if (what === 'sealing') {
    console.log(`${machineName()}\n${renderSealing(await measureSealing())}`);
    return 0;
  }
  if (what === 'rooms') {
    const sizes = { members: Number(values.members), sockets: Number(values.sockets), rooms: Number(values.rooms) };
    console.log(JSON.stringify(await measureRooms(sizes, console.error), null, 1));
    return 0;
  }
  if (what === 'fastchat') return fastChat(values);
  if (what === 'files') {
    console.log(JSON.stringify(await measureFiles(megabytes, values.kill === true, console.error), null, 1));
    return 0;
  }
  const disk = [measureDiskRate(DISK_MS)];
  const results: Result[] = [];
  const cluster = await startScratchCluster({ nodes: NODES, restart: false, say: console.error });
  try {
    const pairs = await createPairs(cluster, Math.max(...LOADS.map(({ sockets }) => sockets)));
    await measure(cluster, pairs, { name: 'warm-up', sockets: 50, perSocket: 2, messages: 3_000 });
    for (const load of LOADS) {
      const measurements: Measurement[] = [];
      for (let run = 0; run < runs; run++) measurements.push(await measure(cluster, pairs, load));
      results.push({ load: load.name, runs: measurements });
    }
  } finally {
    await cluster.close();
  }
  disk.push(measureDiskRate(DISK_MS));
  const f = (disk[0]! + disk[1]!) / 2;
  const machine = machineName();
  console.log(`${machine}; F = ${f.toFixed(0)}/s (before ${disk[0]!.toFixed(0)}, after ${disk[1]!.toFixed(0)})`);
  console.log(render(results, f));
  const json = JSON.stringify({ machine, diskAppendsPerSecond: disk, results });
  if (values.json === undefined) console.log(json);
  else writeFileSync(values.json, `${json}\n`);
  return results.every(({ runs: all }) => all.every(({ failed }) => failed === 0)) ? 0 : 1;
}

async function fastChat(asked: {
  readonly tests: string;
  readonly clients?: string | undefined;
  readonly iterations?: string | undefined;
}): Promise<number> {
  const names = asked.tests.split(',');
  const tests = FASTCHAT_TESTS.filter(({ name }) => names.includes(name));
  const [clients, iterations] = [Number(asked.clients ?? 2), Number(asked.iterations ?? 1)];
  if (tests.length !== names.length || !isWithin(clients, 2, 200) || !isWithin(iterations, 1, 100)) {
    console.log(USAGE);
    return 2;
  }
  for (const published of tests) {
    const test = {
      ...published,
      ...(asked.clients === undefined ? {} : { clients }),
      ...(asked.iterations === undefined ? {} : { iterations }),
    };
    const result = await measureFastChat(test, console.error);
    console.log(renderFastChat(test, result));
    console.log(JSON.stringify(result));
  }
  return 0;
}

const isWithin = (value: number, least: number, most: number): boolean =>
  Number.isInteger(value) && value >= least && value <= most;

function machineName(): string {
  return `${cpus().length} × ${cpus()[0]?.model ?? 'cpu'}, Node ${process.versions.node}`;
}

function render(results: readonly Result[], f: number): string {
  const head = [
    'outstanding',
    'acknowledged/s',
    '× F',
    'ack p50 ms',
    'ack p99 ms',
    'delivery p50 ms',
    'p99 ms',
    'failed',
    'CPU µs: nodes',
    'nats',
    'load',
  ];
  const rows = results.map(({ load, runs }) => {
    const of = (key: Exclude<keyof Measurement, 'cpuMicroseconds'>): number[] =>
      runs.map((run) => run[key]).toSorted((a, b) => a - b);
    const rates = of('acknowledgedPerSecond');
    const median = (key: Parameters<typeof of>[0]): number => percentile(of(key), 0.5);
    const cpu = runs.map(({ cpuMicroseconds }) => cpuMicroseconds).filter((times) => times !== null);
    const used = (part: (times: CpuTimes) => number): string =>
      cpu.length === 0
        ? '–'
        : percentile(
            cpu.map(part).toSorted((a, b) => a - b),
            0.5,
          ).toFixed(0);
    return [
      load,
      `${median('acknowledgedPerSecond').toFixed(0)} (${rates[0]!.toFixed(0)}–${rates.at(-1)!.toFixed(0)})`,
      (median('acknowledgedPerSecond') / f).toFixed(2),
      median('ackP50Ms').toFixed(1),
      median('ackP99Ms').toFixed(1),
      median('deliveryP50Ms').toFixed(1),
      median('deliveryP99Ms').toFixed(1),
      String(of('failed').reduce((sum, count) => sum + count, 0)),
      used(({ nodes }) => nodes.reduce((sum, node) => sum + node, 0)),
      used(({ sidecars }) => sidecars),
      used(({ load: own }) => own),
    ];
  });
  return formatTable(head, rows, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
}

process.exitCode = await main(process.argv.slice(2));
