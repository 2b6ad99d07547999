import type { ImageFile } from '../../../src/testing/store/store-images.ts';

/** Everything that a node keeps in its directory, by what it is for. */
export const FILE_KINDS = {
  'tables of the log': /^log\/\d+\.ldb$/,
  'write-ahead file of the log': /^log\/\d+\.log$/,
  'MANIFEST of the log': /^log\/MANIFEST-\d+$/,
  'CURRENT of the log': /^log\/CURRENT$/,
  'tables of the state': /^state-\d+\/\d+\.ldb$/,
  'write-ahead file of the state': /^state-\d+\/\d+\.log$/,
  'MANIFEST of the state': /^state-\d+\/MANIFEST-\d+$/,
  'CURRENT of the state': /^state-\d+\/CURRENT$/,
  'name of the state': /^state-current$/,
  mark: /^mark(\.copy)?$/,
  'data keys': /^keys(\.copy)?$/,
  'keys of the node': /^identity(\.copy)?$/,
  manifest: /^(manifest(\.copy)?|founding)$/,
  'record of starts': /^boot$/,
  'record of other nodes': /^witness$/,
  'notes of LevelDB': /^(log|state-\d+)\/LOG(\.old)?$/,
  lock: /^lock\//,
} as const;
export type FileKind = keyof typeof FILE_KINDS;

/** What earlier damage left behind for people to look at, and what every start writes anew. */
const NO_DATA = /^(log|state-\d+)\.damaged\/|^(chatd\.pid|admin\.token)$/;

export interface DataFile extends ImageFile {
  readonly kind: FileKind;
}

/** @throws for a file of which nobody has said what it is */
export function dataFilesOf(files: readonly ImageFile[]): DataFile[] {
  return files.flatMap((file) => {
    if (NO_DATA.test(file.path)) return [];
    const kind = (Object.keys(FILE_KINDS) as FileKind[]).find((one) => FILE_KINDS[one].test(file.path));
    if (kind === undefined) throw new Error(`what kind of file is ${file.path}?`);
    return [{ ...file, kind }];
  });
}

/**
 * - `bytes`: every byte of the directory as likely as any other, as a bad spot on a disk is; large files more often.
 * - `kinds`: every kind of file as likely as any other, and every file of a kind.
 */
export const SPREADS = ['bytes', 'kinds'] as const;
export type Spread = (typeof SPREADS)[number];

export type Hit =
  | { readonly file: DataFile; readonly how: 'flipped'; readonly bit: number }
  | { readonly file: DataFile; readonly how: 'cut'; readonly bytesLeft: number };

/** Where the next damage goes. @param random numbers in [0, 1) */
export function drawHit(files: readonly DataFile[], spread: Spread, random: () => number): Hit {
  const file = spread === 'bytes' ? fileAtByte(files, random()) : fileOfAnyKind(files, random);
  if (random() < 0.5) return { file, how: 'flipped', bit: Math.floor(random() * file.bytes * 8) };
  return { file, how: 'cut', bytesLeft: Math.floor(random() * file.bytes) };
}

function fileAtByte(files: readonly DataFile[], place: number): DataFile {
  let at = Math.floor(place * files.reduce((sum, { bytes }) => sum + bytes, 0));
  for (const file of files) {
    if (at < file.bytes) return file;
    at -= file.bytes;
  }
  throw new Error('there are no files');
}

function fileOfAnyKind(files: readonly DataFile[], random: () => number): DataFile {
  const kinds = [...new Set(files.map(({ kind }) => kind))];
  const kind = pick(kinds, random);
  return pick(
    files.filter((file) => file.kind === kind),
    random,
  );
}

export const pick = <T>(list: readonly T[], random: () => number): T => list[Math.floor(random() * list.length)]!;
