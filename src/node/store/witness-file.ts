import { join } from 'node:path';
import type { LogIndex, PeerId, Term } from '../../consensus/types.ts';
import type { Promises } from '../rollback/promises.ts';
import type { Sighting } from '../rollback/witness.ts';
import { damageOf } from './damage.ts';
import type { StoreLogger } from './node-store.ts';
import { readSealedJson, writeSealedJson } from './sealed-json.ts';

export const WITNESS_FILE = 'witness';

/** How far each other peer was seen. It is only further knowledge: without it this node takes the others at their word. */
export async function readSightings(dir: string, logger: StoreLogger): Promise<readonly Sighting[]> {
  try {
    const rows = await readSealedJson(join(dir, WITNESS_FILE), 'manifest', WITNESS_FILE);
    return Array.isArray(rows) ? rows.flatMap((row: unknown) => readRow(row) ?? []) : [];
  } catch (error) {
    const damage = damageOf(error);
    if (damage === undefined) throw error;
    logger.warn({ damage }, 'what this node knew of the past of the others is lost');
    return [];
  }
}

export function writeSightings(dir: string, sightings: readonly Sighting[]): Promise<void> {
  return writeSealedJson(join(dir, WITNESS_FILE), sightings);
}

function readRow(row: unknown): Sighting | undefined {
  const { peer, boot, promises, refused } = (row ?? {}) as Partial<Record<keyof Sighting, unknown>>;
  const { term, vote, entry } = (promises ?? {}) as Partial<Record<keyof Promises, unknown>>;
  const last = (entry ?? {}) as { index?: unknown; term?: unknown };
  const numbers = [peer, boot, term, vote, last.index, last.term];
  if (!numbers.every((number) => Number.isSafeInteger(number) && (number as number) >= 0)) return undefined;
  return {
    peer: peer as PeerId,
    boot: boot as number,
    promises: {
      term: term as Term,
      vote: vote as PeerId,
      entry: { index: last.index as LogIndex, term: last.term as Term },
    },
    refused: readRefused(refused),
  };
}

function readRefused(value: unknown): Sighting['refused'] {
  const { boot, reason } = (value ?? {}) as Record<string, unknown>;
  return Number.isSafeInteger(boot) && typeof reason === 'string' ? { boot: boot as number, reason } : null;
}
