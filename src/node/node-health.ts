import { ParleyError } from '../protocol/errors.ts';
import type { SpaceGuard } from './disk/space-guard.ts';
import type { KnownMembers } from './membership/known-members.ts';
import type { NodeInfo } from './node-info.ts';
import type { RaftPeerStatus } from './raft/raft-peer-types.ts';
import { describeRepair } from './repair/repair-news.ts';
import { RepairWatch } from './repair/repair-watch.ts';
import type { Standing } from './rollback/standing.ts';
import type { OpenedStore, StoreDamage } from './store/node-store.ts';

export interface NodeHealthParts {
  readonly store: OpenedStore;
  readonly members: KnownMembers;
  readonly space: SpaceGuard;
  /** Null for a store that is damaged beyond taking part. */
  readonly standing: Standing | null;
  /** Undefined before the node is a member; null before its log and state agree. */
  readonly raftStatus: () => RaftPeerStatus | null | undefined;
  /** What the search for a cluster waits for. */
  readonly contactProblem: () => string | null;
}

const NOT_WHO_IT_WAS =
  'It cannot know what it promised, so it takes no part: put its disk in order, or stop the node, empty the directory, ' +
  'start it, and let it in: chatctl member replace';

/** What keeps a node from serving, and what it says about that. */
export class NodeHealth {
  readonly #parts: NodeHealthParts;
  readonly #repair: RepairWatch | null;

  constructor(parts: NodeHealthParts) {
    this.#parts = parts;
    this.#repair = parts.store.kind === 'damaged' ? null : new RepairWatch(parts.store);
  }

  /** @throws ParleyError `damaged`, `rolled_back`: what clients read here could be older than what they have seen */
  refuseUnlessWhole(): void {
    const damage = this.#damage();
    if (damage !== undefined) throw new ParleyError('damaged', damage.reason);
    if (this.#refusal !== null) throw new ParleyError('rolled_back', this.#refusal);
  }

  /** In a sentence; null for a node that serves as far as it is concerned. */
  get problem(): string | null {
    const { store, members, space, standing, raftStatus, contactProblem } = this.#parts;
    const damage = this.#damage();
    if (damage !== undefined) {
      if (store.kind === 'damaged') return `${damage.reason} (${damage.where}). ${NOT_WHO_IT_WAS}`;
      return describeRepair(damage, raftStatus()?.repairOutlook ?? null);
    }
    if (this.#refusal !== null) return this.#refusal;
    if (raftStatus() === undefined) return contactProblem() ?? 'Waiting for the other nodes.';
    if (members.wasRemoved()) return 'This node was removed from the cluster.';
    if (standing?.isComparing === true) return 'Waiting for another voter, to compare what both remember.';
    return space.problem;
  }

  get role(): NodeInfo['role'] {
    if (this.#damage() !== undefined) return 'repairing';
    if (this.#refusal !== null) return null;
    const raft = this.#parts.raftStatus() ?? null;
    if (raft === null) return null;
    return raft.isLearner ? 'learner' : raft.role;
  }

  get #refusal(): string | null {
    return this.#parts.standing?.problem ?? null;
  }

  /** What is damaged and not mended yet. */
  #damage(): StoreDamage | undefined {
    const { store, raftStatus } = this.#parts;
    if (store.kind === 'damaged') return store.damage;
    return this.#repair?.reason(() => raftStatus()?.isRepairing ?? true);
  }
}
