import { MessageType, type Message } from '../../consensus/message.ts';
import { NO_PEER, type EntryId, type LogIndex, type PeerId, type Term } from '../../consensus/types.ts';
import { forgotten, joined, lastingPart, NO_PROMISES, type Promises } from './promises.ts';
import { knowsStart, wentThrough, type Lineage } from './lineage.ts';

/** What a member says of its data directory. */
export interface Life {
  readonly peer: PeerId;
  /** This start of it. */
  readonly boot: number;
  readonly lineage: Lineage;
  /** All that is on its disk. */
  readonly promises: Promises;
  /** Another node has compared what it says with what is known of it. */
  readonly isConfirmed: boolean;
  /** Why it takes no part; null when it does, or would. */
  readonly refusal: string | null;
}

/** What one node knows of another one's past. */
export interface Sighting {
  readonly peer: PeerId;
  /** The last start that was sound. */
  readonly boot: number;
  readonly promises: Promises;
  /** The start that was found to be of an old copy, and why. */
  readonly refused: { readonly boot: number; readonly reason: string } | null;
}

/** The entry of the leader's own log at `index`, where this node leads `term`. */
export type TermOfOwnEntry = (index: LogIndex, term: Term) => Term | undefined;

/**
 * Remembers the furthest that each peer was seen (its starts and its promises), and refuses one that comes back with
 * less: somebody has put an old copy of its directory in place. What it promised since the copy was made may have
 * counted, so it must neither vote nor acknowledge under its old identity.
 */
export class Witness {
  readonly #sightings = new Map<PeerId, Sighting>();
  /** Who seems to have forgotten something, and is yet to answer: what it said may be older than what it showed. */
  readonly #doubted = new Set<PeerId>();
  readonly #termOfOwnEntry: TermOfOwnEntry;
  /** Whether something is known that was not handed out by `take`. */
  isDirty = false;

  constructor(known: readonly Sighting[], termOfOwnEntry: TermOfOwnEntry) {
    for (const sighting of known) this.#sightings.set(sighting.peer, sighting);
    this.#termOfOwnEntry = termOfOwnEntry;
  }

  /** Whether messages of this peer are not to be believed. */
  refuses(peer: PeerId): boolean {
    return this.#doubted.has(peer) || this.of(peer).refused !== null;
  }

  /** What is known of a peer. */
  of(peer: PeerId): Sighting {
    return this.#sightings.get(peer) ?? { peer, boot: 0, promises: NO_PROMISES, refused: null };
  }

  /**
   * Compares what a peer says of itself with what is known, and remembers what is new.
   * @returns whether it is owed an answer: this start of it is another one than the last that was found sound
   */
  meet(life: Life): boolean {
    const { peer, boot } = life;
    const known = this.of(peer);
    if (boot < known.boot) return false;
    this.#doubted.delete(peer);
    const reason = life.refusal ?? refusalOf(life, known);
    if (reason !== null) {
      this.#set({ ...known, refused: { boot, reason } });
      return life.refusal === null;
    }
    if (boot > known.boot && forgotten(life.promises, known.promises) !== undefined) {
      this.#doubted.add(peer);
      return true;
    }
    this.#set({ peer, boot, promises: joined(known.promises, lastingPart(life.promises)), refused: null });
    return !life.isConfirmed;
  }

  /** A message of a peer shows what it has on disk. */
  heard(message: Message): void {
    const shown = this.#shownBy(message);
    const known = this.of(message.from);
    if (shown !== undefined) this.#set({ ...known, promises: joined(known.promises, shown) });
  }

  /** Only these leave once what they say is on disk. */
  #shownBy({ type, term, to, index, reject }: Message): Promises | undefined {
    if (type === MessageType.voteResp) return { ...NO_PROMISES, term, vote: reject ? NO_PEER : to };
    if (type !== MessageType.appResp) return undefined;
    return { ...NO_PROMISES, term, entry: reject ? NO_PROMISES.entry : this.#acknowledged(index, term) };
  }

  #acknowledged(index: LogIndex, inTerm: Term): EntryId {
    const term = this.#termOfOwnEntry(index, inTerm);
    return term === undefined ? NO_PROMISES.entry : { index, term };
  }

  /** All that has to survive, for those who are `present`; whoever is gone never comes back under the same id. */
  take(present: (peer: PeerId) => boolean): readonly Sighting[] {
    for (const peer of this.#sightings.keys()) if (!present(peer)) this.#sightings.delete(peer);
    this.isDirty = false;
    return [...this.#sightings.values()];
  }

  #set(sighting: Sighting): void {
    const { peer, boot, promises, refused } = this.of(sighting.peer);
    const isNews = boot !== sighting.boot || promises !== sighting.promises || refused?.boot !== sighting.refused?.boot;
    if (!isNews || sighting.peer === NO_PEER) return;
    this.#sightings.set(peer, sighting);
    this.isDirty = true;
  }
}

/** Why the directory cannot be the one that was in use; null when it can be. */
function refusalOf(
  { boot, lineage }: Pick<Life, 'boot' | 'lineage'>,
  { boot: last, refused }: Sighting,
): string | null {
  if (refused !== null && (boot === refused.boot || wentThrough(lineage, refused.boot))) return refused.reason;
  return knowsStart(lineage, last) ? null : 'made before the node was last started';
}

/** The same and what it has forgotten, as the peer itself can tell once it hears what another one knows of it. */
export function reasonAgainst(life: Life, known: Sighting): string | null {
  return refusalOf(life, known) ?? forgotten(life.promises, known.promises) ?? null;
}
