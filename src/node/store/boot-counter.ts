import { join } from 'node:path';
import { damageOf } from './damage.ts';
import { readSealedJson, writeSealedJson } from './sealed-json.ts';

const BOOT_FILE = 'boot';

/**
 * Numbers the starts of a directory, durably, so that no two of them are ever the same: what is sealed between nodes
 * must never be sealed under one number twice. The number is the wall clock's, in seconds, or the one after the last
 * start's when that is greater: so it also grows when the directory was emptied, restored from a copy, or lost its
 * counter. Only where both happen, a counter lost and a clock put back, could a number come again.
 *
 * @param nowMs wall clock, milliseconds since the epoch
 * @returns the id of this start
 */
export async function nextBootId(dir: string, nowMs: number): Promise<number> {
  const bootId = Math.max((await readCounter(dir)) + 1, Math.floor(nowMs / 1000));
  await writeSealedJson(join(dir, BOOT_FILE), { boot: bootId });
  return bootId;
}

/** 0 when there is no counter, or none that can be read. */
async function readCounter(dir: string): Promise<number> {
  try {
    const value = (await readSealedJson(join(dir, BOOT_FILE), 'manifest', BOOT_FILE)) as { boot?: unknown } | undefined;
    return Number.isSafeInteger(value?.boot) ? (value?.boot as number) : 0;
  } catch (error) {
    if (damageOf(error) === undefined) throw error;
    return 0;
  }
}
