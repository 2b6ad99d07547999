import type { LogIndex, PeerId } from '../../consensus/types.ts';
import type { Lineage } from '../../node/rollback/lineage.ts';
import type { Sighting } from '../../node/rollback/witness.ts';
import type { Founding, Manifest } from '../../node/store/node-store.ts';
import type { Prng } from './prng.ts';
import { SimDisk, type DiskFinding, type DiskOptions } from './sim-disk.ts';
import type { MarkCopy } from './sim-mark.ts';
import { SimStateDisk } from './sim-state-disk.ts';

/** Whose the disk is, as it stands on it. */
export interface DiskIdentity {
  founding: Founding | undefined;
  manifest: Manifest | undefined;
  lineage: Lineage;
  refusal: string | undefined;
  sightings: readonly Sighting[];
}

/**
 * - `empty`: the disk belongs to nobody yet: the cluster is being founded, or the node waits to be let in;
 * - `member`: what runs here is, or was, part of the cluster;
 * - `damaged`: the disk lost something for good, or was found to be an old copy: the node stays up, without vote.
 */
export type DiskCondition = 'empty' | 'member' | 'damaged';

/** What rots on a disk; `place` in `[0, 1)` says where, or how much of it. */
export interface DiskDamage {
  readonly where: 'log' | 'log-base' | 'log-tail' | 'state' | 'mark';
  readonly place: number;
}

/** What opening a damaged store came upon. */
export type DiskNote = 'salvaged' | 'rebased' | 'begun-anew' | 'damaged' | 'rebuilt-state' | 'lacks-state';

const FINDINGS: { readonly [F in DiskFinding]?: DiskNote } = {
  rebased: 'rebased',
  short: 'salvaged',
  empty: 'begun-anew',
  lost: 'damaged',
};
const MARK_COPIES: readonly MarkCopy[] = ['newest', 'older', 'both'];

interface Content {
  readonly log: SimDisk;
  readonly state: SimStateDisk;
  readonly identity: DiskIdentity;
}

/** What stood on a node's disks at some moment. */
export interface DiskCopy extends Content {
  /** The last start that it knows of. */
  readonly lastStart: number;
}

/** All that one simulated node keeps on disk, and what is wrong with it. */
export class NodeDisks {
  readonly #makeEmpty: () => Content;
  #content: Content;
  #isLost = false;
  /** Harmed, and nobody has looked since. */
  #isTampered = false;
  #isOldCopy = false;
  #isRefused = false;

  constructor(options: DiskOptions, statePrng: Prng) {
    this.#makeEmpty = () => ({
      log: new SimDisk(options),
      state: new SimStateDisk(statePrng),
      identity: {
        founding: undefined,
        manifest: undefined,
        lineage: { since: 0, starts: [] },
        refusal: undefined,
        sightings: [],
      },
    });
    this.#content = this.#makeEmpty();
  }

  get log(): SimDisk {
    return this.#content.log;
  }
  get state(): SimStateDisk {
    return this.#content.state;
  }
  get identity(): DiskIdentity {
    return this.#content.identity;
  }

  get condition(): DiskCondition {
    if (this.#isLost || this.#isRefused) return 'damaged';
    return this.identity.manifest === undefined ? 'empty' : 'member';
  }

  /** Whether they hold what was acknowledged, whether or not anybody has noticed yet that they do not. */
  get isSound(): boolean {
    const isIntact = this.condition === 'member' && !this.#isTampered && !this.#isOldCopy;
    return isIntact && this.log.repair === undefined && !this.#lacksState;
  }

  get #lacksState(): boolean {
    return this.state.durable.index === 0 && this.log.durable.firstIndex > 1;
  }

  /** Nobody can say any more what was promised here. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** An old copy was put back. */
  get isOldCopy(): boolean {
    return this.#isOldCopy;
  }

  /** An old copy was put back, and it has not been found out yet. */
  get isFalse(): boolean {
    return this.#isOldCopy && !this.#isRefused;
  }

  /** The last start of another node that is written down here. */
  lastStartSeen(peer: PeerId): number {
    return this.identity.sightings.find((sighting) => sighting.peer === peer)?.boot ?? 0;
  }

  // ---------------------------------------------------------------- what happens to them

  crash(): void {
    this.log.crash();
    this.state.crash();
  }

  /** Only while nothing runs on them. False when there is nothing to harm. */
  harm({ where, place }: DiskDamage): boolean {
    if (where === 'log') return this.rotLog(place) !== undefined;
    const harmed = this.#harm(where, place);
    this.#isTampered ||= harmed;
    return harmed;
  }

  #harm(where: Exclude<DiskDamage['where'], 'log'>, place: number): boolean {
    const { log, state } = this;
    if (where === 'log-base') return log.loseBase();
    if (where === 'state') return state.durable.flipBit(place);
    // A mark that lost its newest copy cannot tell that the log lost its end as well, now or earlier.
    if (this.#isTampered || (where === 'mark' && log.repair !== undefined)) return false;
    if (where === 'log-tail') log.durable.loseTail(Math.ceil(place * log.durable.length));
    else log.mark.damage(MARK_COPIES[Math.floor(place * MARK_COPIES.length)]!);
    return true;
  }

  /** Whether it knows what it promised, whatever happens to its log: no copy of its mark is waiting to be written again. */
  get outlivesItsLog(): boolean {
    return this.log.mark.isNewest;
  }

  /** Flips a bit in an entry of the log that is not spared. Returns which. */
  rotLog(place: number, isSpared?: (index: LogIndex) => boolean): LogIndex | undefined {
    const index = this.log.durable.flipBit(place, isSpared);
    this.#isTampered ||= index !== undefined;
    return index;
  }

  wipe(): void {
    this.#content = this.#makeEmpty();
    this.#isLost = false;
    this.#isTampered = false;
    this.#isOldCopy = false;
    this.#isRefused = false;
  }

  /** All that is durable, as of now. */
  copy(): DiskCopy {
    const { log, state, identity } = this;
    const lastStart = identity.lineage.starts.at(-1) ?? 0;
    return { log: log.copy(), state: state.copy(), identity: { ...identity }, lastStart };
  }

  /** An operator puts back what was copied earlier. */
  putBack({ log, state, identity }: DiskCopy): void {
    this.#content = { log, state, identity };
    this.#isOldCopy = true;
  }

  /** The node says that they are an old copy. */
  refuse(): void {
    this.#isRefused = true;
  }

  // ---------------------------------------------------------------- what a start finds

  /**
   * What opening the store does about damage: what is sound of the log is kept, and the state if the log continues it;
   * otherwise it is made again from a log that is complete, or fetched. The peers do the rest; but nobody can make good
   * a mark that tells no more what was promised.
   */
  inspect(note: (what: DiskNote, lastIndex: LogIndex) => void): void {
    if (!this.#isTampered) return;
    this.#isTampered = false;
    const { log, state } = this;
    const tell = (what: DiskNote): void => note(what, log.durable.lastIndex);
    if (state.durable.firstBroken() !== undefined) this.#loseState(tell);
    const finding = FINDINGS[log.inspect(state.durable)];
    if (finding !== undefined) tell(finding);
    this.#isLost = finding === 'damaged';
    if (!this.#isLost && state.durable.index > 0 && !this.#logContinuesState()) this.#loseState(tell);
  }

  #loseState(tell: (what: DiskNote) => void): void {
    this.state.reset();
    tell(this.log.durable.firstIndex === 1 ? 'rebuilt-state' : 'lacks-state');
  }

  #logContinuesState(): boolean {
    const { durable: state, installedFrom } = this.state;
    return installedFrom?.metadata.index === state.index || this.log.durable.term(state.index) === state.term;
  }
}
