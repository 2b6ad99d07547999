import { beginBatch, type Database } from './level-database.ts';

/** What `level` has on Node.js (`level/index.js`), and not in browsers. */
interface Compactable {
  compactRange(first: string, last: string): Promise<void>;
}

/**
 * Rewrites the tables that hold rows between two keys, so that nothing is left on disk of what was deleted there.
 * Neither key may be that of a row.
 *
 * A first pass makes a table of what was written lately. LevelDB puts it, with the dead rows in it, as deep as there is
 * place, and never merges a table with nothing (`VersionSet::PickLevelForMemTableOutput`): therefore the bounds are
 * deleted between the passes. The table of these two deletions spans the first one, and the second pass merges them.
 */
export async function eraseDeleted(
  database: Database,
  { first, last }: { readonly first: string; readonly last: string },
): Promise<void> {
  const tables = database as unknown as Compactable;
  await tables.compactRange(first, last);
  await beginBatch(database).del(first).del(last).write();
  await tables.compactRange(first, last);
}
