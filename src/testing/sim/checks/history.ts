import type { ConfState, PeerId } from '../../../consensus/types.ts';
import type { SimNode } from '../sim-node.ts';

const NOT_KNOWN = -1;

/** What all nodes together have established so far: it can never change again. */
export class History {
  /** Chained hash by index: what is committed for ever. */
  readonly #committed: number[] = [0];
  /** The highest index that any node held committed while it was in this term: committed in this term or before. */
  readonly #committedInTerm = new Map<number, number>();
  readonly #nodeOfPeer: (peer: PeerId) => SimNode | undefined;

  constructor(nodeOfPeer: (peer: PeerId) => SimNode | undefined) {
    this.#nodeOfPeer = nodeOfPeer;
  }

  get committedIndex(): number {
    return this.#committed.length - 1;
  }

  /** Undefined where nothing is known to be committed. */
  committedHash(index: number): number | undefined {
    const hash = this.#committed[index];
    return hash === NOT_KNOWN ? undefined : hash;
  }

  commit(index: number, hash: number): void {
    while (this.#committed.length < index) this.#committed.push(NOT_KNOWN);
    this.#committed[index] = hash;
  }

  noteCommittedIn(term: number, index: number): void {
    this.#committedInTerm.set(term, Math.max(index, this.#committedInTerm.get(term) ?? 0));
  }

  /** The highest index that was committed in a term before this one. */
  committedBefore(term: number): number {
    let index = 0;
    for (const [earlier, committed] of this.#committedInTerm) if (earlier < term) index = Math.max(index, committed);
    return index;
  }

  /**
   * Whether a majority of every half of the membership is such, as far as can be said: of a peer whose disk was damaged
   * or lost nobody can say any more what it held.
   */
  hasQuorum(confState: ConfState, holds: (node: SimNode, peer: PeerId) => boolean): boolean {
    return [confState.voters, confState.votersOutgoing].every((voters) => {
      const holders = voters.filter((peer) => {
        const node = this.#nodeOfPeer(peer);
        return node === undefined || node.peerId !== peer || !node.isSound || holds(node, peer);
      });
      return voters.length === 0 || holders.length > voters.length / 2;
    });
  }
}
