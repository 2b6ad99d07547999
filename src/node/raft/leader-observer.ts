import { NO_PEER, type PeerId, type RaftRole, type Term } from '../../consensus/types.ts';
import type { NodeName } from '../../protocol/ids.ts';
import type { PeerDirectory } from '../ports.ts';
import type { CoreView } from './raft-driver.ts';
import type { LeaderView } from './raft-peer-types.ts';

export interface LeaderObserverEnv {
  readonly self: PeerId;
  readonly directory: PeerDirectory;
  readonly monotonicMs: () => number;
  /** Whom to look at for signs of death; null for nobody. */
  readonly watch: (node: NodeName | null) => void;
  /** Another node holds the one that is watched for dead. */
  readonly suspect: (node: NodeName) => void;
  /** Another leader, none, or another term. */
  readonly onChange: (leader: NodeName | null, term: Term) => void;
  readonly onView: (view: LeaderView) => void;
}

/** Who leads, as the driver last heard of the core, and since when nobody does. */
export class LeaderObserver {
  readonly #env: LeaderObserverEnv;
  #told: { readonly leader: PeerId; readonly role: RaftRole; readonly term: Term } | undefined;
  #name: NodeName | null = null;
  #lostAtMs: number | undefined;

  constructor(env: LeaderObserverEnv) {
    this.#env = env;
  }

  /** From now on this node counts as without a leader. */
  begin(): void {
    this.#lostAtMs = this.#env.monotonicMs();
  }

  get name(): NodeName | null {
    return this.#name;
  }

  get leads(): boolean {
    return this.#told?.leader === this.#env.self;
  }

  /** Milliseconds since a leader was last known; 0 while one is. */
  leaderlessMs(): number {
    return this.#lostAtMs === undefined ? 0 : this.#env.monotonicMs() - this.#lostAtMs;
  }

  onView({ leader, role, term }: CoreView): void {
    const told = this.#told;
    if (told?.leader === leader && told.role === role && told.term === term) return;
    this.#told = { leader, role, term };
    this.#name = this.#nameOf(leader);
    const { monotonicMs, watch, onView } = this.#env;
    if (this.#name !== null) this.#lostAtMs = undefined;
    else this.#lostAtMs ??= monotonicMs();
    if (told?.leader !== leader || told.term !== term) {
      // Signs that the leader of a term is dead go on while its followers look for another.
      if (this.#name === null && told?.term !== term) watch(null);
      this.#tellChange(term);
    }
    onView({ leader: this.#name, term, role });
  }

  /** Another node holds the leader for dead. */
  suspect(): void {
    if (this.#name !== null && !this.leads) this.#env.suspect(this.#name);
  }

  /** A node that was just let in may hear a leader before it hears who that is. */
  onTick(): void {
    const told = this.#told;
    if (told === undefined) return;
    const name = this.#nameOf(told.leader);
    if (name === this.#name || name === null) return;
    this.#name = name;
    this.#lostAtMs = undefined;
    this.#tellChange(told.term);
    this.#env.onView({ leader: name, term: told.term, role: told.role });
  }

  #tellChange(term: Term): void {
    const { watch, onChange } = this.#env;
    if (this.#name !== null) watch(this.leads ? null : this.#name);
    onChange(this.#name, term);
  }

  #nameOf(leader: PeerId): NodeName | null {
    return leader === NO_PEER ? null : (this.#env.directory.nameOf(leader) ?? null);
  }
}
