import { memberNamed } from './member-table.ts';
import type { PeerId } from '../../consensus/types.ts';
import type { NodeName } from '../../protocol/ids.ts';
import type { PeerDirectory } from '../ports.ts';
import type { MemberTable } from './member-table.ts';

/**
 * Peer ids and names, as the newest table has them that this node knows of: its own state's, or one that another
 * node told while the own state is still behind. It only says where frames go: who counts is decided by the log.
 */
export class MemberDirectory implements PeerDirectory {
  #table: MemberTable;
  #names = new Map<PeerId, NodeName>();
  #peers = new Map<NodeName, PeerId>();

  constructor(table: MemberTable) {
    this.#table = table;
    this.#index();
  }

  get table(): MemberTable {
    return this.#table;
  }

  /** Begins anew, with what the node's own data say. */
  reset(table: MemberTable): void {
    this.#table = table;
    this.#index();
  }

  /** @returns whether `table` is newer than what was known */
  learn(table: MemberTable): boolean {
    if (table.index <= this.#table.index) return false;
    this.#table = table;
    this.#index();
    return true;
  }

  nameOf(peer: PeerId): NodeName | undefined {
    return this.#names.get(peer);
  }

  peerOf(name: NodeName): PeerId | undefined {
    return this.#peers.get(name);
  }

  /** A name leads to its newest incarnation only, so nothing is sent to one that is gone. */
  #index(): void {
    const newest = this.#table.members.filter((member) => memberNamed(this.#table, member.name) === member);
    this.#names = new Map(newest.map(({ peer, name }) => [peer, name]));
    this.#peers = new Map(newest.map(({ peer, name }) => [name, peer]));
  }
}
