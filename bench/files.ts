import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startScratchCluster } from '../scripts/load/scratch-cluster.ts';
import { apiUrl } from '../src/cli/local-cluster/layout.ts';
import { nodePlatform } from '../src/cli/node-platform.ts';
import { FolderSink } from '../src/cli/parley/files/folder-sink.ts';
import { FolderSpool } from '../src/cli/store/folder-spool.ts';
import { LevelStore } from '../src/cli/store/level-store.ts';
import { ParleyClient } from '../src/client/client.ts';

const MIB = 1024 * 1024;
const WAIT_MS = 120_000;

export interface FilesMeasurement {
  readonly megabytes: number;
  /** Encrypting into the spool; sending until the message is acknowledged; getting and verifying on another node. */
  readonly seconds: { readonly spool: number; readonly send: number; readonly get: number };
  readonly megabytesPerSecond: { readonly spool: number; readonly send: number; readonly get: number };
  /** Resident memory before, and its peak: of this process, which is both clients, and of each node. */
  readonly clientMiB: { readonly before: number; readonly peak: number };
  readonly nodesMiB: readonly { readonly before: number; readonly peak: number }[];
  readonly same: boolean;
}

/** One file through one node, and back through another. Linux only. */
export async function measureFiles(megabytes: number, say: (text: string) => void): Promise<FilesMeasurement> {
  const cluster = await startScratchCluster({ nodes: 3, restart: false, say });
  const folder = mkdtempSync(join(tmpdir(), 'parley-bench-files-'));
  try {
    const [first, , third] = cluster.layout.nodes;
    const ann = await person(folder, 'ann', apiUrl(first!));
    const bob = await person(folder, 'bob', apiUrl(third!));
    const pids = [process.pid, ...cluster.layout.nodes.map(({ name }) => cluster.supervisor.child(name)!.pid)];
    for (const pid of pids) writeFileSync(`/proc/${pid}/clear_refs`, '5');
    const before = pids.map((pid) => memoryMiB(pid, 'VmRSS'));
    const sent = createHash('sha256');
    const times = [performance.now()];
    const source = { name: 'bench.bin', mediaType: 'application/octet-stream', bytes: noise(megabytes, sent) };
    const { result } = await ann.files.send('@bob', source, {
      timeoutMs: WAIT_MS,
      onSealed: (bytes) => {
        if (bytes === megabytes * MIB) times[1] = performance.now();
      },
      onUploaded: () => {},
    });
    if (result.state !== 'sent') throw result.reason ?? new Error('not sent');
    times.push(performance.now());
    say('sent');
    for await (const page of bob.read('@ann', {})) void page;
    const file = await bob.files.find(result.id);
    const sink = await FolderSink.open({ folder, name: 'got', blob: file.blob, force: false });
    await bob.files.get(file, sink, { timeoutMs: WAIT_MS });
    await sink.close();
    times.push(performance.now());
    const peaks = pids.map((pid, i) => ({ before: before[i]!, peak: memoryMiB(pid, 'VmHWM') }));
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
    };
  } finally {
    rmSync(folder, { recursive: true });
    await cluster.close();
  }
}

async function person(folder: string, name: string, endpoint: string): Promise<ParleyClient> {
  const home = join(folder, name);
  const platform = nodePlatform(new LevelStore(join(home, 'store')), new FolderSpool(join(home, 'spool')));
  const client = await ParleyClient.open(platform, { endpoints: [endpoint], fallback: [] });
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

function memoryMiB(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const [, kib] = new RegExp(`${field}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Math.round(Number(kib) / 1024);
}
