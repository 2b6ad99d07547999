import { strict as assert } from 'node:assert';
import { hardStateOf, MessageType, type Message } from '../../consensus/message.ts';
import type { RawNode } from '../../consensus/raw-node.ts';
import type { ReadState, Ready } from '../../consensus/ready.ts';
import {
  APPEND_THREAD,
  APPLY_THREAD,
  NO_PEER,
  RaftRole,
  type Entry,
  type HardState,
  type LogIndex,
  type PeerId,
  type Term,
} from '../../consensus/types.ts';
import type { LogStore } from '../ports.ts';
import type { StagedSnapshot } from './snapshot-receiver.ts';

/** What the driver has last heard of the core. */
export interface CoreView {
  readonly leader: PeerId;
  readonly role: RaftRole;
  readonly term: Term;
  readonly commit: LogIndex;
}

export interface RaftDriverEnv {
  readonly self: PeerId;
  readonly node: RawNode;
  readonly log: LogStore;
  readonly initialView: { readonly term: Term; readonly commit: LogIndex };
  readonly roundsPerTurnMax: number;
  readonly defer: (callback: () => void) => void;
  readonly sendRaft: (messages: readonly Message[]) => void;
  /** Last chance to change what goes to the network; undefined drops it. */
  readonly prepareSnapshot: (message: Message) => Message | undefined;
  /** Before anything is handed to the core. */
  readonly beforeInput: () => void;
  /** Brings work to the core: proposals if the disk is free, reads, forwarded commands. */
  readonly beforeReady: (diskIsFree: boolean) => void;
  readonly onView: (view: CoreView) => void;
  readonly onReadStates: (states: readonly ReadState[]) => void;
  readonly apply: (entries: readonly Entry[], done: () => void) => void;
  readonly whenApplierIsIdle: (callback: () => void) => void;
  /** The staged state that belongs to the snapshot which the core has accepted. */
  readonly takeSnapshot: (message: Message) => StagedSnapshot | undefined;
  readonly onInstalled: (index: LogIndex) => void;
  /** A write of entries began or ended; `writes` of them run. */
  readonly onDisk: (event: 'began' | 'ended', writes: number) => void;
  readonly onFatal: (error: unknown) => void;
}

/**
 * The loop around the core: takes inputs in, and once per turn of the event loop carries out what the core wants. The
 * contract is the core's (`ready.ts`): messages to the network leave at once, in parallel to the own disk; the
 * answers that promise something durable travel inside `MsgStorageAppend` and leave only when its write is done; the
 * writes reach the log in the order in which the core asked for them.
 */
export class RaftDriver {
  readonly #env: RaftDriverEnv;
  #view: CoreView;
  #inTurn = false;
  #turnIsDue = false;
  #stopped = false;
  /** Writes with entries that are not durable yet. */
  #entryWrites = 0;
  /** A snapshot is being installed: what the core wants to append waits behind it. */
  #installing = false;
  #waitingAppends: Message[] = [];

  constructor(env: RaftDriverEnv) {
    this.#env = env;
    const { term, commit } = env.initialView;
    this.#view = { leader: NO_PEER, role: RaftRole.follower, term, commit };
  }

  get view(): CoreView {
    return this.#view;
  }

  get installing(): boolean {
    return this.#installing;
  }

  stop(): void {
    this.#stopped = true;
  }

  // ---------------------------------------------------------------- inputs

  /** Lets `action` tell the core something; what follows from it is done in the next turn. */
  input(action: (node: RawNode) => void): void {
    if (this.#stopped) return;
    this.#handIn(action);
    this.schedule();
  }

  /** The same, and the consequences at once. */
  inputNow(action: (node: RawNode) => void): void {
    if (this.#stopped) return;
    this.#handIn(action);
    this.#turn();
  }

  #handIn(action: (node: RawNode) => void): void {
    this.#guard(() => {
      this.#env.beforeInput();
      action(this.#env.node);
    });
  }

  /** Asks for a turn once the inputs at hand have been taken in. */
  schedule(): void {
    if (this.#turnIsDue || this.#stopped) return;
    this.#turnIsDue = true;
    this.#env.defer(() => {
      this.#turnIsDue = false;
      this.#turn();
    });
  }

  // ---------------------------------------------------------------- the turn

  #turn(): void {
    if (this.#inTurn || this.#stopped) return;
    this.#inTurn = true;
    this.#guard(() => this.#rounds());
    this.#inTurn = false;
  }

  #rounds(): void {
    const { node, roundsPerTurnMax, beforeInput, beforeReady } = this.#env;
    for (let round = 0; round < roundsPerTurnMax; round += 1) {
      if (this.#stopped) return;
      beforeInput();
      beforeReady(this.#entryWrites === 0 && !this.#installing);
      if (!node.hasReady()) return;
      this.#carryOut(node.ready());
    }
    this.schedule();
  }

  #carryOut(ready: Ready): void {
    this.#look(ready);
    const network: Message[] = [];
    let append: Message | undefined;
    let apply: Message | undefined;
    for (const message of ready.messages) {
      if (message.to === APPEND_THREAD) append = message;
      else if (message.to === APPLY_THREAD) apply = message;
      else if (message.type !== MessageType.snap) network.push(message);
      else {
        const prepared = this.#env.prepareSnapshot(message);
        if (prepared !== undefined) network.push(prepared);
      }
    }
    if (network.length > 0) this.#env.sendRaft(network);
    if (append !== undefined) this.#append(append);
    if (apply !== undefined) this.#apply(apply);
    if (ready.readStates.length > 0) this.#env.onReadStates(ready.readStates);
  }

  #look({ softState, hardState }: Ready): void {
    if (softState === undefined && hardState === undefined) return;
    this.#view = {
      leader: softState?.leader ?? this.#view.leader,
      role: softState?.role ?? this.#view.role,
      term: hardState?.term ?? this.#view.term,
      commit: hardState?.commit ?? this.#view.commit,
    };
    this.#env.onView(this.#view);
  }

  /** Hands the answers of a storage thread to whom they concern. */
  #deliver(responses: readonly Message[]): void {
    const { self, node, sendRaft, beforeInput } = this.#env;
    beforeInput();
    const network: Message[] = [];
    for (const response of responses) {
      if (response.to === self) node.step(response);
      else network.push(response);
    }
    if (network.length > 0) sendRaft(network);
  }

  // ---------------------------------------------------------------- append thread

  #append(message: Message): void {
    if (this.#installing) this.#waitingAppends.push(message);
    else if (message.snapshot === undefined) this.#write(message, undefined);
    else this.#install(message);
  }

  #write(message: Message, staged: StagedSnapshot | undefined): void {
    const { log, onDisk } = this.#env;
    const { entries, responses } = message;
    const counts = entries.length > 0 || staged !== undefined;
    if (counts) onDisk('began', (this.#entryWrites += 1));
    const hardState: HardState | undefined = hardStateOf(message);
    const snapshot = staged && { metadata: staged.header.metadata, chainHash: staged.header.chainHash };
    log.append({ hardState, entries, snapshot }, () => {
      if (this.#stopped) return;
      if (counts) onDisk('ended', (this.#entryWrites -= 1));
      this.#guard(() => this.#deliver(responses));
      this.#turn();
    });
  }

  /**
   * The state first, then the log: a crash between the two leaves a state that the log can be restarted from
   * (`recovery.ts`), while a log without the state it begins with would be lost.
   */
  #install(message: Message): void {
    const staged = this.#env.takeSnapshot(message);
    assert(staged !== undefined, 'the core accepted a snapshot that nobody holds');
    this.#installing = true;
    this.#env.whenApplierIsIdle(() => {
      if (!this.#stopped) staged.finish().then(() => this.#installed(message, staged), this.#env.onFatal);
    });
  }

  #installed(message: Message, staged: StagedSnapshot): void {
    if (this.#stopped) return;
    this.#guard(() => {
      this.#installing = false;
      this.#write(message, staged);
      staged.report(true);
      this.#env.onInstalled(staged.header.metadata.index);
      for (const waiting of this.#waitingAppends.splice(0)) this.#append(waiting);
    });
    this.#turn();
  }

  // ---------------------------------------------------------------- apply thread

  #apply({ entries, responses }: Message): void {
    this.#env.apply(entries, () => {
      if (this.#stopped) return;
      this.#guard(() => this.#deliver(responses));
      this.schedule();
    });
  }

  #guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#stopped = true;
      this.#env.onFatal(error);
    }
  }
}
