import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const RECORD_BYTES = 4096;

/**
 * F: how often per second this machine's disk takes an append of 4 KiB and makes it durable. Rates are quoted as
 * multiples of it, so that they mean something on another machine.
 */
export function measureDiskRate(durationMs: number): number {
  const dir = mkdtempSync(join(tmpdir(), 'parley-disk-'));
  const file = openSync(join(dir, 'append'), 'w');
  const record = Buffer.alloc(RECORD_BYTES, 1);
  try {
    const startedAt = performance.now();
    let appends = 0;
    while (performance.now() - startedAt < durationMs) {
      writeSync(file, record);
      fdatasyncSync(file);
      appends++;
    }
    return (appends * 1000) / (performance.now() - startedAt);
  } finally {
    closeSync(file);
    rmSync(dir, { recursive: true, force: true });
  }
}
