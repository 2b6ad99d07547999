import { MultisetHash } from '../../node/store/multiset-hash.ts';
import { Prng } from '../sim/prng.ts';
import { SimStateDisk } from '../sim/sim-state-disk.ts';
import { SimStateStore } from '../sim/sim-state-store.ts';
import type { StateImage } from '../sim/state-image.ts';

/** A state store on a disk that takes no time and keeps nothing: for tests that need no more. */
export class MemoryStateStore extends SimStateStore {
  constructor() {
    super({
      disk: new SimStateDisk(new Prng(0)),
      onDisk: (act) => new Promise((resolve) => resolve(act())),
      isAlive: () => true,
      hashOf,
      onBegin: () => {},
      onCommitted: () => {},
      onInstalled: () => {},
      onSpoiled: () => {},
      onRefused: () => {},
    });
  }
}

/** The same as that of the LevelDB state. */
function hashOf({ rows }: StateImage): string {
  const hash = new MultisetHash();
  for (const [key, { value }] of rows) hash.add(key, value);
  return hash.hex();
}
