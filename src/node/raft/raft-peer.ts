import type { Explanation } from '../../consensus/status.ts';
import type { LogIndex, Term } from '../../consensus/types.ts';
import type { ParleyError } from '../../protocol/errors.ts';
import type { NodeName, StampMs } from '../../protocol/ids.ts';
import type { Frame } from '../ports.ts';
import type { RaftPeerConfig, RaftPeerEvents, RaftPeerStatus, RaftPorts } from './raft-peer-types.ts';

export type SubmitOutcome<Result> =
  | { readonly ok: true; readonly result: Result; readonly index: LogIndex }
  | { readonly ok: false; readonly error: ParleyError };

/** The callback-driven whole of one peer; see `raft-node.ts` for what each method means. */
export class RaftPeer<Result, Event> {
  constructor(ports: RaftPorts<Result, Event>, _config: RaftPeerConfig, _events: RaftPeerEvents<Event>) {
    void ports;
  }

  declare start: (done: () => void) => void;
  declare stop: (options: { readonly transferLeadership: boolean }, done: () => void) => void;
  declare submit: (command: Uint8Array, deadlineMs: number, done: (outcome: SubmitOutcome<Result>) => void) => void;
  declare readBarrier: (deadlineMs: number, done: (error: ParleyError | undefined) => void) => void;
  declare waitForIndex: (index: LogIndex, deadlineMs: number, done: (error: ParleyError | undefined) => void) => void;
  declare handleFrame: (frame: Frame) => boolean;
  declare transferLeadership: (to: NodeName) => void;
  declare status: () => RaftPeerStatus;
  declare explain: () => Explanation;
  declare view: () => { readonly leader: NodeName | null; readonly term: Term; readonly commitIndex: LogIndex };
  declare appliedIndex: LogIndex;
  declare stampMs: StampMs;
  declare leaderlessMs: () => number;
}
