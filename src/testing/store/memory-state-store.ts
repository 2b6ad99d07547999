import { Prng } from '../sim/prng.ts';
import { SimStateDisk } from '../sim/sim-state-disk.ts';
import { SimStateStore } from '../sim/sim-state-store.ts';

/** A state store on a disk that takes no time and keeps nothing: for tests that need no more. */
export class MemoryStateStore extends SimStateStore {
  constructor() {
    super({
      disk: new SimStateDisk(new Prng(0)),
      onDisk: (act) => new Promise((resolve) => resolve(act())),
      isAlive: () => true,
      onBegin: () => {},
      onCommitted: () => {},
      onInstalled: () => {},
      onRefused: () => {},
    });
  }
}
