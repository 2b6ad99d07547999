import { readFile } from 'node:fs/promises';
import { damageUnlessRefused, isRefusal } from './damage.ts';
import { replaceFile, systemCodeOf } from './files.ts';
import { SLOT_BYTES, decodeMarkSlot, encodeMarkSlot, newerSlot, type MarkContent, type MarkSlot } from './mark-slot.ts';

/** What one write fills: the same slot twice, so that one that is cut short leaves one of them whole. */
export const SIDE_BYTES = 2 * SLOT_BYTES;
const FILE_BYTES = 2 * SIDE_BYTES;

export const FIRST_GENERATION = 1;

export interface ReadMark {
  readonly newest: MarkSlot;
  /** Which of the two sides it stands on. */
  readonly side: 0 | 1;
  /** As it was made. */
  readonly untouched: boolean;
  /** Nothing newer can have stood on the other side: it can be read, too, or was never written to. */
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
export async function mendCopies(path: string): Promise<ReadMark | undefined> {
  const copies = await readCopies(path);
  const sides = [sideOf(copies, 0), sideOf(copies, 1)] as const;
  const [first, second] = sides;
  const newest = newerSlot(first.slot, second.slot);
  if (newest === undefined || !copies.some(isWhole)) return undefined;
  const whole = Buffer.concat(sides.map(({ bytes }) => bytes));
  for (const [at, file] of copiesOf(path).entries()) {
    if (copies[at]?.equals(whole) !== true) await replaceFile(file, whole);
  }
  return {
    newest,
    side: newest === first.slot ? 0 : 1,
    untouched: newest.generation === FIRST_GENERATION && second.isBlank,
    isNewest: first.slot !== undefined && (second.slot !== undefined || second.isBlank),
  };
}

/** What the files hold, without changing them. */
export async function readMark(path: string): Promise<MarkContent | undefined> {
  const copies = await readCopies(path);
  return newerSlot(sideOf(copies, 0).slot, sideOf(copies, 1).slot);
}

export function firstContent(content: MarkContent): { readonly slot: MarkSlot; readonly bytes: Buffer } {
  const slot = { ...content, generation: FIRST_GENERATION };
  return { slot, bytes: Buffer.concat([encodeSide(slot), Buffer.alloc(SIDE_BYTES)]) };
}

export function encodeSide(slot: MarkSlot): Buffer {
  const bytes = encodeMarkSlot(slot);
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

function sideOf(copies: readonly (Buffer | undefined)[], at: 0 | 1): Side {
  const pieces = copies.flatMap((copy) => copy?.subarray(at * SIDE_BYTES, (at + 1) * SIDE_BYTES) ?? []);
  const slot = pieces.flatMap(slotsIn).reduce<MarkSlot | undefined>(newerSlot, undefined);
  const whole = pieces.filter(({ length }) => length === SIDE_BYTES);
  const written = whole.find((piece) => piece.some((byte) => byte !== 0));
  const bytes = slot === undefined ? (written ?? Buffer.alloc(SIDE_BYTES)) : encodeSide(slot);
  return { slot, isBlank: slot === undefined && whole.length > 0 && written === undefined, bytes };
}

function slotsIn(side: Buffer): MarkSlot[] {
  const slots = [decodeMarkSlot(side.subarray(0, SLOT_BYTES)), decodeMarkSlot(side.subarray(SLOT_BYTES))];
  return slots.filter((slot) => slot !== undefined);
}
