import { join } from 'node:path';
import { ParleyError } from '../../protocol/errors.ts';
import { damageOf, damaged } from '../store/damage.ts';
import { readSealedJson, writeSealedJson } from '../store/sealed-json.ts';
import type { WrappingKey } from './wrapping-key.ts';

/** The file with the data keys, and the same once more: no bad spot on a disk is to make all the rest unreadable. */
export const KEY_FILE = 'keys';
export const KEY_FILE_COPY = 'keys.copy';
const FILES = [KEY_FILE, KEY_FILE_COPY] as const;
const PURPOSE = 'parley/v1/data-keys';

export interface KeyGeneration {
  /** Grows by one; the greatest seals what is written. */
  readonly number: number;
  /** 32 random bytes from which the keys of all parts derive. */
  readonly secret: Uint8Array;
  /** Milliseconds since the Unix epoch. */
  readonly madeAtMs: number;
  /** Rows that may have been sealed under it by now. */
  readonly sealedMax: number;
}

export interface KeyFileContent {
  /** Grows with every write: of two files the newer one counts. */
  readonly serial: number;
  /** 32 random bytes, for the life of the directory: the key of the names under which rows with telling keys stand. */
  readonly names: Uint8Array;
  /** Oldest first; at least one. */
  readonly generations: readonly KeyGeneration[];
}

/**
 * Reads the data keys, and makes each of the two files what the newer one says.
 *
 * @returns undefined when there are none
 * @throws ParleyError `wrong_wrapping_key` when another key wraps them, `damaged` when neither file is what was written
 */
export async function readKeyFile(dir: string, wrapping: WrappingKey): Promise<KeyFileContent | undefined> {
  const found = await Promise.all(FILES.map((file) => readOne(dir, file, wrapping)));
  const contents = found.flatMap((one) => (one.kind === 'content' ? [one.content] : []));
  const [newest] = contents.toSorted((a, b) => b.serial - a.serial);
  if (newest !== undefined) {
    const isMended = found.every((one) => one.kind === 'content' && one.content.serial === newest.serial);
    if (!isMended) await writeKeyFile(dir, wrapping, newest);
    return newest;
  }
  const other = found.find((one) => one.kind === 'other');
  if (other !== undefined) throw wrongKey(dir, other.wrappedBy, wrapping.id);
  const broken = found.find((one) => one.kind === 'damaged');
  if (broken !== undefined) throw broken.error;
  return undefined;
}

/** Whether there is any, whichever key wraps it. */
export async function hasKeyFile(dir: string): Promise<boolean> {
  for (const file of FILES) {
    const value = await readSealedJson(join(dir, file), 'keys', file).catch(ifDamaged);
    if (value !== undefined) return true;
  }
  return false;
}

/** Each file is replaced whole, one after the other: after a crash at any point one of them can be read. */
export async function writeKeyFile(dir: string, wrapping: WrappingKey, content: KeyFileContent): Promise<void> {
  for (const file of FILES) await writeOne(dir, file, wrapping, content);
}

/**
 * Goes over to another wrapping key. Between the two files `between` is called: then, and after a crash there, either
 * key opens the directory.
 *
 * @throws ParleyError as `readKeyFile`, and `not_found` for a directory without keys
 */
export async function rewrapKeyFile(
  dir: string,
  {
    from,
    to,
    between,
  }: { readonly from: WrappingKey; readonly to: WrappingKey; readonly between: () => Promise<void> },
): Promise<void> {
  const content = await readKeyFile(dir, from);
  if (content === undefined) throw new ParleyError('not_found', `${dir} holds no data keys.`);
  const next = { ...content, serial: content.serial + 1 };
  await writeOne(dir, KEY_FILE, to, next);
  await between();
  await writeOne(dir, KEY_FILE_COPY, to, next);
}

function wrongKey(dir: string, wrappedBy: string, given: string): ParleyError {
  return new ParleyError(
    'wrong_wrapping_key',
    `${dir} is sealed under wrapping key ${wrappedBy}, not under ${given}, which was given: nothing was changed.`,
  );
}

type Read =
  | { readonly kind: 'content'; readonly content: KeyFileContent }
  | { readonly kind: 'other'; readonly wrappedBy: string }
  | { readonly kind: 'damaged'; readonly error: unknown }
  | { readonly kind: 'absent' };

async function readOne(dir: string, file: string, wrapping: WrappingKey): Promise<Read> {
  let value: unknown;
  try {
    value = await readSealedJson(join(dir, file), 'keys', file);
  } catch (error) {
    if (damageOf(error) === undefined) throw error;
    return { kind: 'damaged', error };
  }
  if (value === undefined) return { kind: 'absent' };
  const { wrappedBy, wrapped } = value as { wrappedBy?: unknown; wrapped?: unknown };
  if (typeof wrappedBy !== 'string' || typeof wrapped !== 'string') return noKeys(file, 'it lacks a field');
  if (wrappedBy !== wrapping.id) return { kind: 'other', wrappedBy };
  const json = wrapping.unwrap(PURPOSE, Buffer.from(wrapped, 'base64'));
  if (json === undefined) return noKeys(file, 'what it holds was altered');
  return { kind: 'content', content: decodeContent(JSON.parse(Buffer.from(json).toString()) as ContentJson) };
}

const noKeys = (file: string, reason: string): Read => ({ kind: 'damaged', error: damaged('keys', file, reason) });

async function writeOne(dir: string, file: string, wrapping: WrappingKey, content: KeyFileContent): Promise<void> {
  const wrapped = Buffer.from(wrapping.wrap(PURPOSE, Buffer.from(JSON.stringify(encodeContent(content)))));
  await writeSealedJson(join(dir, file), { wrappedBy: wrapping.id, wrapped: wrapped.toString('base64') });
}

interface ContentJson extends Omit<KeyFileContent, 'names' | 'generations'> {
  readonly names: string;
  readonly generations: readonly (Omit<KeyGeneration, 'secret'> & { readonly secret: string })[];
}

const encodeContent = ({ serial, names, generations }: KeyFileContent): ContentJson => ({
  serial,
  names: Buffer.from(names).toString('base64'),
  generations: generations.map((one) => ({ ...one, secret: Buffer.from(one.secret).toString('base64') })),
});

const decodeContent = ({ serial, names, generations }: ContentJson): KeyFileContent => ({
  serial,
  names: Buffer.from(names, 'base64'),
  generations: generations.map((one) => ({ ...one, secret: Buffer.from(one.secret, 'base64') })),
});

function ifDamaged(error: unknown): true {
  if (damageOf(error) === undefined) throw error;
  return true;
}
