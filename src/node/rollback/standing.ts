import type { NodeName } from '../../protocol/ids.ts';
import type { Message } from '../../consensus/message.ts';
import type { ConfState, LogIndex, PeerId, Term } from '../../consensus/types.ts';
import { isVoter } from '../membership/member-table.ts';
import type { LogStore, StateStore } from '../ports.ts';
import type { IntactStore } from '../store/node-store.ts';
import { reasonAgainst, Witness, type Life, type Sighting } from './witness.ts';

/** What one node knows of another one, in answer to what that said of itself. */
export interface Verdict {
  readonly known: Sighting;
  readonly witness: WitnessView;
}

/** How the node that answers stands in the membership, as far as it has heard. */
export interface WitnessView {
  readonly peer: PeerId;
  readonly isVoter: boolean;
  /** Nobody votes but the one that is answered. */
  readonly otherVotesAlone: boolean;
  /** The last entry that it has applied. */
  readonly appliedIndex: LogIndex;
}

export interface StandingPorts {
  readonly store: Pick<IntactStore, 'bootId' | 'history'> & {
    readonly log: Pick<LogStore, 'promised' | 'initialState' | 'term'>;
    readonly state: Pick<StateStore, 'appliedIndex'>;
  };
  /** The membership as of the last entry that is applied here. */
  readonly confState: () => ConfState;
  readonly isMember: (peer: PeerId) => boolean;
  /** This node takes no part any more. Told once, with the reason. */
  readonly onRefused: (problem: string) => void;
  readonly onFatal: (error: unknown) => void;
}

/**
 * Whether this node may vote and acknowledge, and whether it believes the others (rule 5 of the store).
 *
 * A data directory that was put back from an old copy has forgotten promises. So after a start a node takes part only
 * once another voter has compared what it says of itself with what was known of it, and has written down this very
 * start: from then on any copy made before can be told. Who is the only voter has nobody to ask.
 */
export class Standing {
  readonly #ports: StandingPorts;
  readonly #witness: Witness;
  #self: PeerId | undefined;
  #isConfirmed = false;
  /** Why this node takes no part for good, one sentence for people. */
  #problem: string | null;
  #saving = false;
  /** Told once what was learned is on disk. */
  #afterSave: (() => void)[] = [];

  constructor(ports: StandingPorts) {
    this.#ports = ports;
    const { history } = ports.store;
    this.#problem = history.refusal === undefined ? null : rolledBack(history.refusal);
    this.#witness = new Witness(history.sightings, (index, term) => this.#termOfOwnEntry(index, term));
  }

  /** This node is a member now. */
  begin(self: PeerId): void {
    this.#self = self;
  }

  /** Why this node may take no part for good, one sentence for people; null when it may. */
  get problem(): string | null {
    return this.#problem;
  }

  /** No other voter has compared yet. */
  get isComparing(): boolean {
    return this.#problem === null && !this.takesPart;
  }

  /** Whether it votes and acknowledges. */
  get takesPart(): boolean {
    if (this.#problem !== null) return false;
    // For good: voters that join it later learn of their vote from it.
    this.#isConfirmed ||= this.#isOnlyVoter();
    return this.#isConfirmed;
  }

  #isOnlyVoter(): boolean {
    const { store, confState } = this.#ports;
    // A change of the membership that is committed, but not applied, may be what made it so, or what ended it.
    if (store.state.appliedIndex < store.log.initialState().hardState.commit) return false;
    return votesAlone(confState(), this.#self);
  }

  /** Whether a message of another peer counts; remembers what it shows of that peer. */
  hears(message: Message): boolean {
    if (!this.takesPart || this.#witness.refuses(message.from)) return false;
    this.#witness.heard(message);
    return true;
  }

  /** What this node says of itself; null while it is no member, and when another process may say otherwise. */
  life(): Life | null {
    const peer = this.#self;
    const { store } = this.#ports;
    const refusal = store.history.refusal ?? null;
    if (peer === undefined || (this.#problem !== null && refusal === null)) return null;
    return {
      peer,
      boot: store.bootId,
      lineage: store.history.lineage,
      promises: store.log.promised(),
      isConfirmed: this.#isConfirmed,
      refusal,
    };
  }

  /** Another member says what it has. Calls back with the answer it is owed, once that will be remembered. */
  meet(life: Life, answer: (verdict: Verdict) => void): void {
    const self = this.#self;
    // Who has forgotten its own promises may have forgotten those of others, too.
    if (self === undefined || this.#problem !== null || !this.#witness.meet(life)) return;
    const witness = this.#view(self, life.peer);
    this.#save(() => answer({ known: this.#witness.of(life.peer), witness }));
  }

  #view(self: PeerId, other: PeerId): WitnessView {
    const { confState, store } = this.#ports;
    return {
      peer: self,
      isVoter: isVoter(confState(), self),
      otherVotesAlone: votesAlone(confState(), other),
      appliedIndex: store.state.appliedIndex,
    };
  }

  /**
   * Another member tells what it knows of this one. It may not have heard all of what this one said since: so it is for
   * this one to judge.
   * @returns whether the other has yet to hear that nothing is forgotten
   */
  learn({ known, witness }: Verdict): boolean {
    const { store, onFatal } = this.#ports;
    const life = this.life();
    if (life === null || known.peer !== life.peer || this.#problem !== null) return false;
    const reason = reasonAgainst(life, known);
    if (reason !== null) {
      store.history.refuse(reason).catch(onFatal);
      this.refuse(rolledBack(reason));
      return false;
    }
    if (known.boot !== life.boot) return true;
    if (!this.#isConfirmed && this.#counts(witness)) {
      this.#isConfirmed = true;
      store.history.confirm().catch(onFatal);
    }
    return false;
  }

  /**
   * Whether the word of this node is enough: it votes, or nobody else does. Whoever has applied more of the log knows
   * better. Otherwise two nodes, one of which has not heard yet that the other one votes, or does no longer, would wait
   * for each other for good.
   */
  #counts({ peer, isVoter: inItsView, otherVotesAlone, appliedIndex }: WitnessView): boolean {
    const { store, confState } = this.#ports;
    if (appliedIndex < store.state.appliedIndex) return isVoter(confState(), peer);
    return inItsView || otherVotesAlone;
  }

  /** Takes no part any more, as long as this process lives. */
  refuse(problem: string): void {
    if (this.#problem !== null) return;
    this.#problem = problem;
    this.#ports.onRefused(problem);
  }

  /** Another process runs as this very node: which of them is right, nobody can say. */
  meetNamesake(name: NodeName, boot: number): void {
    this.refuse(
      `Another process runs as ${name} at the same time (its start is ${boot}), from a copy of this data directory: ` +
        'neither takes part any more. Stop one of them, then start the other again.',
    );
  }

  /** Every now and then: what was heard is written down, too. */
  onBeat(): void {
    if (this.#witness.isDirty) this.#save(() => undefined);
  }

  #save(done: () => void): void {
    if (!this.#saving && !this.#witness.isDirty) {
      done();
      return;
    }
    this.#afterSave.push(done);
    if (!this.#saving) this.#write();
  }

  #write(): void {
    const { store, isMember, onFatal } = this.#ports;
    const waiting = this.#afterSave.splice(0);
    this.#saving = true;
    store.history.saveSightings(this.#witness.take(isMember)).then(() => {
      this.#saving = false;
      for (const tell of waiting) tell();
      if (this.#afterSave.length > 0 && !this.#saving) this.#write();
    }, onFatal);
  }

  /** Only what this node, leading `term`, holds at `index` itself tells what an acknowledgement in that term is for. */
  #termOfOwnEntry(index: LogIndex, term: Term): Term | undefined {
    const { log } = this.#ports.store;
    if (log.initialState().hardState.term !== term) return undefined;
    const held = log.term(index);
    return typeof held === 'number' ? held : undefined;
  }
}

/** Not said of a membership that is not known. */
const votesAlone = ({ voters, votersOutgoing }: ConfState, peer: PeerId | undefined): boolean =>
  voters.length > 0 && [...voters, ...votersOutgoing].every((voter) => voter === peer);

const rolledBack = (reason: string): string =>
  `This data directory is an old copy, ${reason}: it has forgotten what it promised, so this node takes no part. ` +
  'Put back the newest one; or stop the node, empty the directory, start it, and let it in: chatctl member replace';
