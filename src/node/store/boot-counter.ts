import { join } from 'node:path';
import { damageOf } from './damage.ts';
import { readSealedJson, writeSealedJson } from './sealed-json.ts';

const BOOT_FILE = 'boot';

/**
 * Counts the starts of a directory, durably, so that no two of them are ever the same. A counter that cannot be read
 * goes on from `fallback`: the seconds of the wall clock are greater than any count that was reached by ones.
 *
 * @returns the id of this start
 */
export async function nextBootId(dir: string, fallback: number): Promise<number> {
  const last = await readCounter(dir);
  const bootId = last === undefined ? fallback : last + 1;
  await writeSealedJson(join(dir, BOOT_FILE), { boot: bootId });
  return bootId;
}

async function readCounter(dir: string): Promise<number | undefined> {
  try {
    const value = (await readSealedJson(join(dir, BOOT_FILE), 'manifest', BOOT_FILE)) as { boot?: unknown } | undefined;
    return Number.isSafeInteger(value?.boot) ? (value?.boot as number) : undefined;
  } catch (error) {
    if (damageOf(error) === undefined) throw error;
    return undefined;
  }
}
