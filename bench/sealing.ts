/** What it costs that rows on disk are sealed: the same writes and reads with and without, one after the other. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cpuMs } from './cpu-time.ts';
import { percentile } from '../scripts/chaos/percentiles.ts';
import { formatTable } from '../src/cli/table.ts';
import { DataKeys } from '../src/node/at-rest/data-keys.ts';
import { WrappingKey } from '../src/node/at-rest/wrapping-key.ts';
import { beginBatch, iterate, openDatabase } from '../src/node/store/level-database.ts';
import { SealedDatabase } from '../src/node/store/sealed-database.ts';

/** Bytes of a row: a receipt, an event with its envelope, a record of the log of one disk write. */
const SIZES = [64, 1_024, 65_536];
const ROUNDS = 5;
const BYTES_PER_ROUND = 16 * 1024 * 1024;
const ROWS_PER_ROUND_MAX = 20_000;
const ROWS_PER_BATCH = 100;
const OPTIONS = { createIfMissing: true, writeBufferBytes: 8 * 1024 * 1024, blockCacheBytes: 8 * 1024 * 1024 };

export interface SealingCost {
  readonly what: string;
  /** Processor time per row, of all threads; medians over the rounds. */
  readonly plainMicroseconds: number;
  readonly sealedMicroseconds: number;
  readonly ratio: number;
}

/** Both stores side by side. */
interface Rows {
  write(rows: readonly (readonly [string, Uint8Array])[]): Promise<void>;
  /** @returns how many bytes were there */
  readAll(): Promise<number>;
  close(): Promise<void>;
}

/** Processor time of this process, so that other load counts little; no write waits for the disk. */
export async function measureSealing(): Promise<SealingCost[]> {
  const costs: SealingCost[] = [];
  for (const size of SIZES) costs.push(...(await costsAt(size)));
  return costs;
}

async function costsAt(size: number): Promise<SealingCost[]> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-sealing-'));
  const [plain, sealed] = [await openPlain(join(folder, 'plain')), await openSealed(folder)];
  const times = { plain: { write: [], read: [] }, sealed: { write: [], read: [] } } as Record<
    'plain' | 'sealed',
    Record<'write' | 'read', number[]>
  >;
  try {
    const count = Math.min(ROWS_PER_ROUND_MAX, Math.floor(BYTES_PER_ROUND / size));
    for (let round = 0; round < ROUNDS; round += 1) {
      const rows = Array.from(
        { length: count },
        (_, i) => [`row/${String(i).padStart(8, '0')}`, randomBytes(size)] as const,
      );
      const stores = [['plain', plain] as const, ['sealed', sealed] as const];
      // Whoever comes first in one round comes second in the next.
      for (const [kind, store] of round % 2 === 0 ? stores : stores.toReversed()) {
        times[kind].write.push((await cpuOf(() => store.write(rows))) / count);
        times[kind].read.push((await cpuOf(() => insistOn(store, size * count))) / count);
      }
    }
  } finally {
    await plain.close();
    await sealed.close();
    rmSync(folder, { recursive: true, force: true });
  }
  return (['write', 'read'] as const).map((act) => {
    const [plainMicroseconds, sealedMicroseconds] = [median(times.plain[act]), median(times.sealed[act])];
    const ratio = sealedMicroseconds / plainMicroseconds;
    return { what: `${act} rows of ${size} bytes`, plainMicroseconds, sealedMicroseconds, ratio };
  });
}

async function insistOn(store: Rows, bytes: number): Promise<void> {
  const found = await store.readAll();
  if (found !== bytes) throw new Error(`${found} bytes were read instead of ${bytes}.`);
}

async function cpuOf(work: () => Promise<void>): Promise<number> {
  const before = cpuMs();
  await work();
  return 1_000 * (cpuMs() - before);
}

const median = (values: readonly number[]): number =>
  percentile(
    values.toSorted((a, b) => a - b),
    0.5,
  );

async function openPlain(location: string): Promise<Rows> {
  const level = await openDatabase(location, OPTIONS);
  return {
    async write(rows) {
      for (let at = 0; at < rows.length; at += ROWS_PER_BATCH) {
        const batch = beginBatch(level);
        for (const [key, value] of rows.slice(at, at + ROWS_PER_BATCH)) batch.put(key, value);
        await batch.write();
      }
    },
    readAll: () => sizeOfAll(iterate(level, { gte: 'row/', lt: 'row0' })),
    close: () => level.close(),
  };
}

async function openSealed(folder: string): Promise<Rows> {
  const wrapping = new WrappingKey(randomBytes(32));
  const onFatal = (error: Error): never => {
    throw error;
  };
  const keys = await DataKeys.open({ dir: folder, wrapping, wallMs: Date.now, onFatal }, undefined);
  const place = { part: 'state', where: 'sealed', seal: keys.sealOf('state') } as const;
  const database = await SealedDatabase.open(join(folder, 'sealed'), OPTIONS, place);
  return {
    async write(rows) {
      for (let at = 0; at < rows.length; at += ROWS_PER_BATCH) {
        const batch = database.begin();
        for (const [key, value] of rows.slice(at, at + ROWS_PER_BATCH)) batch.put(key, value);
        await batch.write();
      }
    },
    readAll: () => sizeOfAll(database.iterate({ gte: 'row/', lt: 'row0' })),
    close: () => database.close(),
  };
}

interface Walk {
  nextv(count: number): Promise<readonly (readonly [key: string, value: Uint8Array])[]>;
  close(): Promise<void>;
}

async function sizeOfAll(walk: Walk): Promise<number> {
  let bytes = 0;
  try {
    for (let rows = await walk.nextv(ROWS_PER_BATCH); rows.length > 0; rows = await walk.nextv(ROWS_PER_BATCH)) {
      for (const [, value] of rows) bytes += value.length;
    }
  } finally {
    await walk.close();
  }
  return bytes;
}

export function renderSealing(costs: readonly SealingCost[]): string {
  const rows = costs.map(({ what, plainMicroseconds, sealedMicroseconds, ratio }) => [
    what,
    ...[plainMicroseconds, sealedMicroseconds].map((us) => us.toFixed(1)),
    ratio.toFixed(2),
  ]);
  return formatTable(['', 'µs plain', 'µs sealed', 'ratio'], rows, [1, 2, 3]);
}
