import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ByteReader, MalformedError } from './byte-reader.ts';
import { readRecords } from './record-reader.ts';

/** Tags of a version edit, from LevelDB's `db/version_edit.cc`. */
const TAG = {
  comparator: 1,
  logNumber: 2,
  nextFileNumber: 3,
  lastSequence: 4,
  compactPointer: 5,
  deletedFile: 6,
  newFile: 7,
  prevLogNumber: 9,
} as const;

/** What makes up a database. Other files in its folder are leftovers, which LevelDB deletes. */
export interface LevelVersion {
  /** Tables by number, with their sizes. */
  readonly tables: ReadonlyMap<number, number>;
  /** Write-ahead files with a smaller number have become tables. */
  readonly logNumber: number;
}

/**
 * Reads which files belong to a closed LevelDB.
 *
 * @throws MalformedError when its manifest is damaged
 */
export async function readVersion(location: string): Promise<LevelVersion> {
  const manifest = (await readFile(join(location, 'CURRENT'), 'latin1')).trimEnd();
  if (!/^MANIFEST-\d{6,}$/.test(manifest)) throw new MalformedError('CURRENT is broken');
  try {
    return versionOf(readRecords(await readFile(join(location, manifest))));
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    throw new MalformedError(`${manifest}: ${error.message}`);
  }
}

interface MutableVersion {
  readonly tables: Map<number, number>;
  logNumber: number;
}

/** Each record of a manifest adds tables and takes some away. */
function versionOf(records: readonly Buffer[]): LevelVersion {
  const version: MutableVersion = { tables: new Map(), logNumber: 0 };
  for (const record of records) applyEdit(new ByteReader(record), version);
  return version;
}

function applyEdit(reader: ByteReader, version: MutableVersion): void {
  // A compaction may delete a table and add it again, one level down: deletions count first.
  const added: [number, number][] = [];
  while (!reader.done) {
    const tag = reader.varint();
    if (tag === TAG.deletedFile) {
      reader.varint();
      version.tables.delete(reader.varint());
    } else if (tag === TAG.newFile) {
      reader.varint();
      added.push([reader.varint(), reader.varint()]);
      reader.skipText();
      reader.skipText();
    } else if (tag === TAG.logNumber) version.logNumber = reader.varint();
    else skipField(reader, tag);
  }
  for (const [number, bytes] of added) version.tables.set(number, bytes);
}

function skipField(reader: ByteReader, tag: number): void {
  switch (tag) {
    case TAG.comparator:
      reader.skipText();
      break;
    case TAG.compactPointer:
      reader.varint();
      reader.skipText();
      break;
    case TAG.nextFileNumber:
    case TAG.lastSequence:
    case TAG.prevLogNumber:
      reader.varint();
      break;
    default:
      throw new MalformedError(`it has an unknown field ${tag}`);
  }
}
