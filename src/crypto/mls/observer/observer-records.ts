import { MlsError, verify } from '../error.ts';
import { readPublicGroup, writePublicGroup } from '../public-group-codec.ts';
import { decode } from '../tls-reader.ts';
import { encode } from '../tls-writer.ts';
import { collectTreeChanges, readTreeRecords } from '../tree-records.ts';
import type { PublicSuite } from '../cipher-suite.ts';
import type { PublicGroup } from '../public-group.ts';
import type { RecordChanges } from '../tree-records.ts';

const VERSION = 1;

/** What changes in durable state from one epoch to the next; everything, when there is none before. */
export function observerChanges(before: PublicGroup | null, after: PublicGroup): RecordChanges {
  const group = encode((writer) => writePublicGroup(writer.uint8(VERSION), after), null);
  const changes: RecordChanges = new Map([['group', group]]);
  collectTreeChanges(changes, before?.tree ?? null, after.tree);
  return changes;
}

/** @throws MlsError (`malformed`, `bad_tree`) */
export function readObserverRecords(
  records: ReadonlyMap<string, Uint8Array>,
  suite: Pick<PublicSuite, 'hash'>,
): PublicGroup {
  const record = records.get('group');
  if (record === undefined) throw new MlsError('malformed', 'The record of the group is missing.');
  return decode((reader) => {
    verify(reader.uint8() === VERSION, 'malformed', 'The record of the group is of another version.');
    return readPublicGroup(reader, suite, (leafCount) => readTreeRecords(records, leafCount));
  }, record);
}
