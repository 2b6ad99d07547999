import { blobById, blobsAfter } from '../../chat/queries-blobs.ts';
import type { StateReader } from '../../chat/ports.ts';
import type { BlobId } from '../../protocol/ids.ts';
import type { BlobShelf } from './blob-shelf.ts';

const PAGE = 200;
const PAUSE_MS = 100;

interface ScanPorts {
  readonly shelf: BlobShelf;
  readonly reader: () => StateReader;
  readonly isStopped: () => boolean;
  readonly pause: (ms: number) => Promise<void>;
  /** Whether no more can be wanted at the moment. */
  readonly isFull: () => boolean;
  readonly want: (blob: BlobId) => void;
}

/**
 * Compares the disk with the state, which must be as new as the cluster: what is missing is wanted, and what nobody
 * knows (any more) is removed. So nothing rests on a crash having happened at the right moment.
 */
export async function scanBlobs(ports: ScanPorts): Promise<void> {
  await findMissing(ports);
  for await (const blob of ports.shelf.all()) {
    if (ports.isStopped()) return;
    // A row is made before its files are, so files without a row have outlived it.
    if (blobById(ports.reader(), blob) === undefined) await ports.shelf.remove(blob);
  }
}

async function findMissing({ shelf, reader, isStopped, pause, isFull, want }: ScanPorts): Promise<void> {
  for (let after: BlobId | '' = ''; ;) {
    const page = await blobsAfter(reader(), after, PAGE);
    for (const { blob, sizeBytes, stored } of page) {
      if (isStopped()) return;
      if (!stored || (await shelf.seemsWhole(blob, sizeBytes))) continue;
      while (isFull() && !isStopped()) await pause(PAUSE_MS);
      want(blob);
    }
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.blob;
  }
}
