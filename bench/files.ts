import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startScratchCluster } from '../scripts/load/scratch-cluster.ts';
import { apiUrl } from '../src/cli/local-cluster/layout.ts';
import { nodePlatform } from '../src/cli/node-platform.ts';
import { FolderSink } from '../src/cli/parley/files/folder-sink.ts';
import { FolderSpool } from '../src/cli/store/folder-spool.ts';
import { LevelStore } from '../src/cli/store/level-store.ts';
import { ParleyClient } from '../src/client/client.ts';
import type { ScratchCluster } from '../scripts/load/scratch-cluster.ts';
import type { NodePlace } from '../src/cli/local-cluster/layout.ts';

const MIB = 1024 * 1024;
const WAIT_MS = 120_000;
const LOOK_EVERY_MS = 100;
/** A node that was killed stays away so long. */
const DOWN_MS = 2_000;

export interface FilesMeasurement {
  readonly megabytes: number;
  /** Encrypting into the spool; sending until the message is acknowledged; getting and verifying on another node. */
  readonly seconds: { readonly spool: number; readonly send: number; readonly get: number };
  readonly megabytesPerSecond: { readonly spool: number; readonly send: number; readonly get: number };
  /** Resident memory before, and its peak: of this process, which is both clients, and of each node. */
  readonly clientMiB: { readonly before: number; readonly peak: number };
  readonly nodesMiB: readonly { readonly before: number; readonly peak: number }[];
  readonly same: boolean;
  /** Where a node was to be killed: while it took the file in, and while it gave it out. */
  readonly killed: readonly string[];
  /** Of each node in the end: whether its disk holds the whole file. */
  readonly holds: readonly boolean[];
}

/**
 * One file through one node, and back through another. Linux only.
 *
 * @param kill whether both nodes die (kill -9, with their nats-server) half-way, and come back: what was under way goes
 *   on at another node where it was
 */
export async function measureFiles(
  megabytes: number,
  kill: boolean,
  say: (text: string) => void,
): Promise<FilesMeasurement> {
  const cluster = await startScratchCluster({ nodes: 3, restart: false, say });
  const killed: string[] = [];
  const strike = async (place: NodePlace): Promise<void> => {
    if (!kill || killed.includes(place.name)) return;
    killed.push(place.name);
    await cluster.supervisor.killNode(place.name, { withSidecar: true });
    say(`${place.name} killed`);
    await delay(DOWN_MS);
    cluster.supervisor.startNode(place.name);
  };
  const folder = mkdtempSync(join(tmpdir(), 'parley-bench-files-'));
  try {
    const [first, , third] = cluster.layout.nodes;
    const others = (place: NodePlace): string[] => cluster.layout.nodes.filter((it) => it !== place).map(apiUrl);
    const ann = await person(folder, 'ann', [apiUrl(first!), ...others(first!)]);
    const bob = await person(folder, 'bob', [apiUrl(third!), ...others(third!)]);
    const memory = new MemoryWatch(() => [
      process.pid,
      ...cluster.layout.nodes.map(({ name }) => cluster.supervisor.child(name)?.pid ?? null),
    ]);
    const sent = createHash('sha256');
    const times = [performance.now()];
    const source = { name: 'bench.bin', mediaType: 'application/octet-stream', bytes: noise(megabytes, sent) };
    const { result } = await ann.files.send('@bob', source, {
      timeoutMs: WAIT_MS,
      onSealed: (bytes) => {
        if (bytes === megabytes * MIB) times[1] = performance.now();
      },
      onUploaded: (bytes) => {
        if (bytes > (megabytes * MIB) / 2) void strike(first!);
      },
    });
    if (result.state !== 'sent') throw result.reason ?? new Error('not sent');
    times.push(performance.now());
    say('sent');
    for await (const page of bob.read('@ann', {})) void page;
    const file = await bob.files.find(result.id);
    const sink = await FolderSink.open({ folder, name: 'got', blob: file.blob, force: false });
    await bob.files.get(file, sink, {
      timeoutMs: WAIT_MS,
      onProgress: (bytes) => {
        if (bytes > (megabytes * MIB) / 2) void strike(third!);
      },
    });
    await sink.close();
    times.push(performance.now());
    const peaks = memory.end();
    const holds = await whoHolds(cluster, file.blob);
    const [spool, send, get] = [1, 2, 3].map((i) => (times[i]! - times[i - 1]!) / 1_000) as [number, number, number];
    const seconds = { spool, send, get };
    const rate = (of: number): number => Math.round(megabytes / of);
    await Promise.all([ann.close(), bob.close()]);
    return {
      megabytes,
      seconds,
      megabytesPerSecond: { spool: rate(spool), send: rate(send), get: rate(get) },
      clientMiB: peaks[0]!,
      nodesMiB: peaks.slice(1),
      same: sent.digest().equals(file.sha256),
      killed,
      holds,
    };
  } finally {
    rmSync(folder, { recursive: true });
    await cluster.close();
  }
}

async function person(folder: string, name: string, endpoints: readonly string[]): Promise<ParleyClient> {
  const home = join(folder, name);
  const platform = nodePlatform(new LevelStore(join(home, 'store')), new FolderSpool(join(home, 'spool')));
  const client = await ParleyClient.open(platform, { endpoints, fallback: [] });
  await client.account.register(name, undefined);
  return client;
}

async function* noise(megabytes: number, hash: ReturnType<typeof createHash>): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < megabytes; i++) {
    const piece = randomBytes(MIB);
    hash.update(piece);
    yield piece;
  }
}

/** Waits until every node has the whole file on its disk: those that lack something fetch it from the others. */
async function whoHolds(cluster: ScratchCluster, blob: string): Promise<readonly boolean[]> {
  const deadline = performance.now() + WAIT_MS;
  const look = (): boolean[] => cluster.layout.nodes.map(({ dataDir }) => isWhole(join(dataDir, 'blobs'), blob));
  while (!look().every(Boolean) && performance.now() < deadline) await delay(LOOK_EVERY_MS);
  return look();
}

/** A file is under this name once all of it is there, and synced. */
function isWhole(folder: string, blob: string): boolean {
  return (
    existsSync(folder) && readdirSync(folder, { recursive: true }).some((path) => String(path).endsWith(`${blob}.data`))
  );
}

/** Resident memory of processes, some of which may be replaced meanwhile: the most that any of them had. */
class MemoryWatch {
  readonly #pids: () => readonly (number | null)[];
  readonly #before: readonly number[];
  readonly #peaks: number[];
  readonly #timer: NodeJS.Timeout;

  constructor(pids: () => readonly (number | null)[]) {
    this.#pids = pids;
    this.#before = pids().map(memoryMiB);
    this.#peaks = [...this.#before];
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
  }

  end(): { readonly before: number; readonly peak: number }[] {
    clearInterval(this.#timer);
    this.#look();
    return this.#before.map((before, i) => ({ before, peak: this.#peaks[i]! }));
  }

  #look(): void {
    for (const [i, pid] of this.#pids().entries()) this.#peaks[i] = Math.max(this.#peaks[i]!, memoryMiB(pid));
  }
}

/** 0 for a process that is not there. */
function memoryMiB(pid: number | null): number {
  try {
    const [, kib] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Math.round(Number(kib ?? 0) / 1024);
  } catch {
    return 0;
  }
}
