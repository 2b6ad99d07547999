/**
 * A follower on a disk that is too small for the snapshot it is sent: says as JSON what became of it. To be run with a
 * limit on the size of files; the shell's own limit makes writes fail as a full disk does.
 */
import { SnapshotWorld, stateFoldersOf } from '../snapshot-world.ts';
import { waitUntil } from '../wait-until.ts';
import { applyTestEntry } from './fill-store.ts';
import { SingleStore } from './single-stores.ts';

const OWN_ENTRIES = 40;
/** About 6 MB. */
const ROWS = 20_000;

// Else the limit ends the process before the write can fail.
process.on('SIGXFSZ', () => {});
const store = await SingleStore.state();
try {
  for (let index = 1; index <= OWN_ENTRIES; index += 1) applyTestEntry({ state: store.store }, index, 1);
  const world = new SnapshotWorld(store.store);
  const leader = world.leader(2, ROWS);
  world.receiver.onSnap(leader.snap(), leader.name);
  await world.until(() => leader.reports.length > 0);
  await waitUntil(async () => (await stateFoldersOf(store.dir)).length === 1);
  const folders = await stateFoldersOf(store.dir);
  // All that was there before is there, and can be made durable.
  await store.store.sync();
  const { appliedIndex } = await store.reopen();
  const { refusals, receiver } = world;
  const { reports } = leader;
  process.stdout.write(JSON.stringify({ reports, refusals, folders, receiving: receiver.receiving, appliedIndex }));
} finally {
  await store.remove();
}
