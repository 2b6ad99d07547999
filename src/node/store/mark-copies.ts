import { readFile } from 'node:fs/promises';
import type { RowSeal } from '../at-rest/row-seal.ts';
import { damageUnlessRefused, isRefusal } from './damage.ts';
import { replaceFile, systemCodeOf } from './files.ts';
import {
  SLOT_BYTES,
  decodeMarkSlot,
  encodeMarkSlot,
  newerSlot,
  sealedSlot,
  type MarkContent,
  type MarkSlot,
} from './mark-slot.ts';

/** What one write fills: the same slot twice, so that one that is cut short leaves one of them whole. */
export const SIDE_BYTES = 2 * SLOT_BYTES;
/** One that is synced, one that is being synced, one to write on meanwhile. */
export const SIDES = 3;
const FILE_BYTES = SIDES * SIDE_BYTES;

export const FIRST_GENERATION = 1;

export interface ReadMark {
  readonly newest: MarkSlot;
  /** Which side it stands on. */
  readonly side: number;
  /** As it was made. */
  readonly untouched: boolean;
  /** Nothing newer can have stood on another side: they can be read, too, or were never written to. */
  readonly isNewest: boolean;
}

/** The two files that hold the same: no bad spot, no lost end and no lost name takes both. */
export const copiesOf = (path: string): readonly [string, string] => [path, `${path}.copy`];

/**
 * Reads both files, and makes each of them what both of them say.
 *
 * @returns undefined when no slot is whole, or both files are cut off
 * @throws ParleyError `damaged`, or the error of the system where there are no such files
 */
export async function mendCopies(path: string, seal: RowSeal): Promise<ReadMark | undefined> {
  const copies = await readCopies(path);
  const sides = sidesOf(copies, seal);
  const newest = newestOf(sides);
  if (newest === undefined || !copies.some(isWhole)) return undefined;
  const whole = Buffer.concat(sides.map(({ bytes }) => bytes));
  for (const [at, file] of copiesOf(path).entries()) {
    if (copies[at]?.equals(whole) !== true) await replaceFile(file, whole);
  }
  const [first, ...others] = sides;
  return {
    newest,
    side: sides.findIndex(({ slot }) => slot === newest),
    untouched: newest.generation === FIRST_GENERATION && others.every(({ isBlank }) => isBlank),
    isNewest: first!.slot !== undefined && others.every(({ slot, isBlank }) => slot !== undefined || isBlank),
  };
}

/** What the files hold, without changing them. */
export async function readMark(path: string, seal: RowSeal): Promise<MarkContent | undefined> {
  return newestOf(sidesOf(await readCopies(path), seal));
}

export function firstContent(content: MarkContent, seal: RowSeal): { readonly slot: MarkSlot; readonly bytes: Buffer } {
  const slot = { ...content, generation: FIRST_GENERATION };
  return { slot, bytes: Buffer.concat([encodeSide(slot, seal), Buffer.alloc(FILE_BYTES - SIDE_BYTES)]) };
}

export function encodeSide(slot: MarkSlot, seal: RowSeal): Buffer {
  const bytes = encodeMarkSlot(slot, seal);
  return Buffer.concat([bytes, bytes]);
}

const isWhole = (copy: Buffer | undefined): boolean => copy?.length === FILE_BYTES;

/** Undefined for one that cannot be read. @throws where none can be, or the system does not let us */
async function readCopies(path: string): Promise<readonly (Buffer | undefined)[]> {
  const errors: unknown[] = [];
  const copies: (Buffer | undefined)[] = [];
  for (const file of copiesOf(path)) {
    try {
      copies.push((await readFile(file)).subarray(0, FILE_BYTES));
    } catch (error) {
      if (isRefusal(error)) throw damageUnlessRefused('mark', file, error);
      errors.push(error);
      copies.push(undefined);
    }
  }
  if (errors.length === copies.length) throw errors.find((error) => systemCodeOf(error) !== 'ENOENT') ?? errors[0];
  return copies;
}

interface Side {
  readonly slot: MarkSlot | undefined;
  /** Nothing was ever written to it. */
  readonly isBlank: boolean;
  /** As both files are to hold it. What nobody can read any more stays as it is: it was written to. */
  readonly bytes: Buffer;
}

const sidesOf = (copies: readonly (Buffer | undefined)[], seal: RowSeal): Side[] =>
  Array.from({ length: SIDES }, (_, at) => sideOf(copies, at, seal));

const newestOf = (sides: readonly Side[]): MarkSlot | undefined =>
  sides.map(({ slot }) => slot).reduce<MarkSlot | undefined>(newerSlot, undefined);

function sideOf(copies: readonly (Buffer | undefined)[], at: number, seal: RowSeal): Side {
  const pieces = copies.flatMap((copy) => copy?.subarray(at * SIDE_BYTES, (at + 1) * SIDE_BYTES) ?? []);
  const slots = pieces.flatMap((piece) => slotsIn(piece, seal));
  const slot = slots.map((one) => one.slot).reduce<MarkSlot | undefined>(newerSlot, undefined);
  const sealed = slots.find((one) => one.slot === slot)?.sealed;
  const whole = pieces.filter(({ length }) => length === SIDE_BYTES);
  const written = whole.find((piece) => piece.some((byte) => byte !== 0));
  const bytes = sealed === undefined ? (written ?? Buffer.alloc(SIDE_BYTES)) : Buffer.concat([sealed, sealed]);
  return { slot, isBlank: slot === undefined && whole.length > 0 && written === undefined, bytes };
}

interface SealedSlot {
  readonly slot: MarkSlot;
  readonly sealed: Buffer;
}

function slotsIn(side: Buffer, seal: RowSeal): SealedSlot[] {
  return [side.subarray(0, SLOT_BYTES), side.subarray(SLOT_BYTES)].flatMap((bytes) => {
    const slot = decodeMarkSlot(bytes, seal);
    return slot === undefined ? [] : [{ slot, sealed: sealedSlot(bytes) }];
  });
}
