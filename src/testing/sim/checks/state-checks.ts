import type { LogIndex } from '../../../consensus/types.ts';
import type { AppliedPosition } from '../../../node/ports.ts';
import type { SimNode } from '../sim-node.ts';
import type { StateImage } from '../state-image.ts';
import { insist } from '../violation.ts';
import type { History } from './history.ts';
import { MembershipChecks } from './membership-checks.ts';

/** What is promised about the states that come of the log. */
export class StateChecks {
  readonly #history: History;
  /** By index: the hash of the state that contains just the entries up to there. */
  readonly #stateHashes: (number | undefined)[] = [];
  readonly #memberships = new MembershipChecks();
  /** At which indexes. */
  readonly #spoiledSnapshots = new Set<LogIndex>();
  readonly #applied = new Map<SimNode, { index: number; stampMs: number }>();

  constructor(history: History) {
    this.#history = history;
  }

  booted(node: SimNode): void {
    this.#applied.set(node, { index: node.appliedIndex, stampMs: 0 });
  }

  applied(node: SimNode, { index, stampMs, confState }: AppliedPosition, image: StateImage): void {
    const last = this.#applied.get(node)!;
    insist(index === last.index + 1, 'apply-order', () => `${node.name} applies ${index} after ${last.index}`);
    insist(stampMs >= last.stampMs, 'stamp-fell', () => `${node.name} from ${last.stampMs} to ${stampMs} at ${index}`);
    last.index = index;
    last.stampMs = stampMs;
    insist(
      !node.isInstalling,
      'applied-behind-snapshot',
      () => `${node.name} applies ${index}, and is to install more`,
    );
    insist(index <= this.#history.committedIndex, 'applied-uncommitted', () => `${node.name} applies ${index}`);
    this.#compare(node, image);
    if (confState !== undefined) this.#memberships.applied(node, index, confState);
  }

  /** A snapshot is what the entries that it stands for would have made. */
  installed(node: SimNode, image: StateImage): void {
    const last = this.#applied.get(node)!;
    insist(image.index > last.index, 'apply-order', () => `${node.name} installs ${image.index} over ${last.index}`);
    last.index = image.index;
    last.stampMs = image.stampMs;
    this.#compare(node, image);
    this.#memberships.installed(node, image.index, image.confState);
  }

  /** One snapshot leaves with a flipped bit; it may arrive more than once, at a node that restarts meanwhile, say. */
  snapshotSpoiled(index: LogIndex): void {
    this.#spoiledSnapshots.add(index);
  }

  /** What is received is what was sent, unless somebody damaged it. */
  snapshotRefused(node: SimNode, index: LogIndex): void {
    const wasSpoiled = this.#spoiledSnapshots.has(index);
    insist(wasSpoiled, 'snapshot-refused', () => `${node.name} finds a snapshot at ${index} damaged that is not`);
  }

  #compare(node: SimNode, { index, hash }: StateImage): void {
    const known = this.#stateHashes[index];
    const same = known === undefined || known === hash;
    insist(same, 'state-machine-safety', () => `the state of ${node.name} at ${index} differs`);
    this.#stateHashes[index] = hash;
  }
}
