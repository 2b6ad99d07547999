import type { StateMachine } from '../../node/raft/state-machine.ts';
import type { ClusterId } from '../../protocol/ids.ts';

/** The state machine of one process. */
export interface Machine extends StateMachine<unknown, unknown> {
  /** The rows were replaced: what is remembered of the old ones must not outlive them. */
  forget(): void;
}

/** What the cluster is used for. */
export interface Application {
  start(cluster: ClusterId): Machine;
}
