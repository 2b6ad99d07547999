import type { Explanation } from '../../consensus/status.ts';
import type { LogIndex, Term } from '../../consensus/types.ts';
import type { ParleyError } from '../../protocol/errors.ts';
import type { NodeName, StampMs } from '../../protocol/ids.ts';
import type { PlannedChange } from '../membership/change-rules.ts';
import type { Frame } from '../ports.ts';
import { RaftPeer } from './raft-peer.ts';
import type { RaftPeerConfig, RaftPeerEvents, RaftPeerStatus, RaftPorts } from './raft-peer-types.ts';

/**
 * The Raft node as the composition root uses it: promises outside, callbacks inside. It takes over the transport's
 * `onRaft` and `onHint`, and the log's snapshot source; frames reach it through `handleFrame`.
 */
export class RaftNode<Result, Event> {
  readonly #peer: RaftPeer<Result, Event>;

  constructor(ports: RaftPorts<Result, Event>, config: RaftPeerConfig, events: RaftPeerEvents<Event>) {
    this.#peer = new RaftPeer(ports, config, events);
  }

  /** Brings log and state into agreement where a crash left them apart, then begins to take part. */
  start(): Promise<void> {
    return new Promise((resolve) => this.#peer.start(resolve));
  }

  /**
   * Hands leadership over when asked to, waits a bounded time for the results of commands taken, then takes no
   * further part. Stores and transport stay open.
   */
  stop(options: { readonly transferLeadership: boolean }): Promise<void> {
    return new Promise((resolve) => this.#peer.stop(options, resolve));
  }

  /**
   * Brings a command into the log wherever the leader is; resolves with its result once it is applied here. It may be
   * applied more than once: the state machine has to recognise it.
   * @param deadlineMs milliseconds from now
   * @throws ParleyError `overloaded`, `no_leader` (surely not applied), `deadline_exceeded`, `shutting_down` (perhaps
   *   applied), `payload_too_large`
   */
  submit(command: Uint8Array, deadlineMs: number): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#peer.submit(command, deadlineMs, (outcome) => {
        if (outcome.ok) resolve(outcome.result);
        else reject(outcome.error);
      });
    });
  }

  /**
   * Resolves when this node has applied everything that was committed when it was called.
   * @throws ParleyError `no_leader`, `deadline_exceeded`, `overloaded`, `shutting_down`
   */
  readBarrier(deadlineMs: number): Promise<void> {
    return settle((done) => this.#peer.readBarrier(deadlineMs, done));
  }

  /** @throws ParleyError `behind` when the index is not applied before the deadline, `overloaded`, `shutting_down` */
  waitForIndex(index: LogIndex, deadlineMs: number): Promise<void> {
    return settle((done) => this.#peer.waitForIndex(index, deadlineMs, done));
  }

  /** Takes frames of the kinds `forward`, `forward-refused`, `snapshot-request`, `snapshot-chunk`; returns whether it did. */
  handleFrame(frame: Frame): boolean {
    return this.#peer.handleFrame(frame);
  }

  /**
   * Carries a change of the membership through the log; resolves when it is applied here.
   * @throws ParleyError `not_leader`, `change_in_progress`, `overloaded`, `deadline_exceeded` and `shutting_down`
   *   (perhaps applied)
   */
  changeMembership(planned: PlannedChange, deadlineMs: number): Promise<void> {
    return settle((done) => this.#peer.changeMembership(planned, deadlineMs, done));
  }

  /** Makes the state durable now and drops what may go of the log. @throws ParleyError `behind`, `shutting_down` */
  compact(): Promise<void> {
    return this.#peer.compact();
  }

  /** Asks `to` to take over; what became of it shows in `onLeaderChange`. Does nothing unless this node leads. */
  transferLeadership(to: NodeName): void {
    this.#peer.transferLeadership(to);
  }

  /** Null until `start` has brought log and state into agreement. */
  status(): RaftPeerStatus | null {
    return this.#peer.status();
  }

  explain(): Explanation {
    return this.#peer.explain();
  }

  /** Cheap enough for every request. */
  view(): { readonly leader: NodeName | null; readonly term: Term; readonly commitIndex: LogIndex } {
    return this.#peer.view();
  }

  get appliedIndex(): LogIndex {
    return this.#peer.appliedIndex;
  }

  /** The newest leader stamp applied here. */
  get stampMs(): StampMs {
    return this.#peer.stampMs;
  }

  /** Milliseconds since this node last knew a leader; 0 while it knows one. */
  leaderlessMs(): number {
    return this.#peer.leaderlessMs();
  }
}

const settle = (begin: (done: (error: ParleyError | undefined) => void) => void): Promise<void> =>
  new Promise((resolve, reject) => {
    begin((error) => {
      if (error === undefined) resolve();
      else reject(error);
    });
  });
