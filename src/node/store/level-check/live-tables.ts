import { ByteReader, MalformedError } from './byte-reader.ts';

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

/**
 * The tables that make up a database, by number, with their sizes: each record of a manifest adds some and takes
 * some away. Other table files in the folder are leftovers, which LevelDB deletes.
 *
 * @throws MalformedError
 */
export function liveTables(records: readonly Buffer[]): ReadonlyMap<number, number> {
  const tables = new Map<number, number>();
  for (const record of records) applyEdit(new ByteReader(record), tables);
  return tables;
}

function applyEdit(reader: ByteReader, tables: Map<number, number>): void {
  // A compaction may delete a file and add it again, one level down: deletions count first.
  const added: [number, number][] = [];
  while (!reader.done) {
    const tag = reader.varint();
    if (tag === TAG.deletedFile) {
      reader.varint();
      tables.delete(reader.varint());
    } else if (tag === TAG.newFile) {
      reader.varint();
      added.push([reader.varint(), reader.varint()]);
      reader.skipText();
      reader.skipText();
    } else skipField(reader, tag);
  }
  for (const [number, bytes] of added) tables.set(number, bytes);
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
    case TAG.logNumber:
    case TAG.nextFileNumber:
    case TAG.lastSequence:
    case TAG.prevLogNumber:
      reader.varint();
      break;
    default:
      throw new MalformedError(`it has an unknown field ${tag}`);
  }
}
