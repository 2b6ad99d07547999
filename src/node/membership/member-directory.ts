import type { PeerId } from '../../consensus/types.ts';
import type { NodeName } from '../../protocol/ids.ts';
import type { PublicIdentity } from '../identity/public-identity.ts';
import type { PeerDirectory } from '../ports.ts';
import type { MemberTable } from './member-table.ts';

/**
 * Peer ids and names, as the newest table has them that this node knows of: its own state's, or one that another
 * node told while the own state is still behind. It only says where frames go: who counts is decided by the log. So
 * whoever counts by the own state can be reached, though the others know that it is gone: its vote may be needed to
 * learn that.
 */
export class MemberDirectory implements PeerDirectory {
  #own: MemberTable;
  #newest: MemberTable;
  #names = new Map<PeerId, NodeName>();
  #peers = new Map<NodeName, PeerId>();
  #identities = new Map<NodeName, PublicIdentity | null>();

  constructor(table: MemberTable) {
    this.#own = table;
    this.#newest = table;
    this.#index();
  }

  /** The newest known. */
  get table(): MemberTable {
    return this.#newest;
  }

  /** Begins anew, with what the node's own data say. */
  reset(table: MemberTable): void {
    this.#own = table;
    this.#newest = table;
    this.#index();
  }

  /**
   * The own state has come to this table.
   * @returns whether it is newer than the own one before
   */
  learn(table: MemberTable): boolean {
    if (table.index <= this.#own.index) return false;
    this.#own = table;
    if (table.index > this.#newest.index) this.#newest = table;
    this.#index();
    return true;
  }

  /** Another node told this table. */
  hear(table: MemberTable): void {
    if (table.index <= this.#newest.index) return;
    this.#newest = table;
    this.#index();
  }

  nameOf(peer: PeerId): NodeName | undefined {
    return this.#names.get(peer);
  }

  peerOf(name: NodeName): PeerId | undefined {
    return this.#peers.get(name);
  }

  identityOf(name: NodeName): PublicIdentity | null {
    return this.#identities.get(name) ?? null;
  }

  /** A name leads to its newest incarnation only, so nothing is sent to one that is gone. */
  #index(): void {
    const known = [...this.#own.members, ...this.#newest.members];
    this.#peers = new Map();
    for (const { peer, name } of known) {
      const other = this.#peers.get(name);
      if (other === undefined || other < peer) this.#peers.set(name, peer);
    }
    this.#names = new Map([...this.#peers].map(([name, peer]) => [peer, name]));
    // What the own state says of a peer stands, whatever others tell.
    const identities = new Map(known.toReversed().map(({ peer, identity }) => [peer, identity]));
    this.#identities = new Map([...this.#peers].map(([name, peer]) => [name, identities.get(peer) ?? null]));
  }
}
