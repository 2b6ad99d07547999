import type { LogStorage } from '../../consensus/log-storage.ts';
import { EMPTY_CONF_STATE, maxIndex, type ConfState, type PeerId } from '../../consensus/types.ts';
import { ParleyError } from '../../protocol/errors.ts';
import type { LogStore, LogWrite, StateStore } from '../ports.ts';

/** Log and state are two stores: after a crash they may disagree about how far they are. */

/**
 * A crash between installing a snapshot as state and as log leaves a log that does not reach, or contradicts, the
 * state. Returns the write that restarts the log after the snapshot, or undefined when they agree.
 * @throws ParleyError `damaged` when the log lacks entries that the state has applied by itself
 */
export function logRepair(log: LogStore, state: StateStore): LogWrite | undefined {
  const { appliedIndex, appliedTerm, installedFrom } = state;
  if (lacksState(log, state)) return undefined;
  if (appliedIndex < log.firstIndex() - 1) {
    throw new ParleyError('damaged', `The state ends at ${appliedIndex}, the log begins at ${log.firstIndex()}.`);
  }
  if (log.term(appliedIndex) === appliedTerm) return undefined;
  if (installedFrom?.metadata.index !== appliedIndex) {
    throw new ParleyError('damaged', `The log ends at ${log.lastIndex()}, the state at ${appliedIndex}.`);
  }
  const { metadata, chainHash } = installedFrom;
  return { entries: [], snapshot: { metadata, chainHash } };
}

/** Whether the state was lost, and the log does not reach back far enough to make it again. */
export const lacksState = (log: LogStore, state: StateStore): boolean =>
  state.appliedIndex === 0 && log.firstIndex() > 1;

/** The membership of founders. */
export const confStateOf = (foundingVoters: readonly PeerId[]): ConfState => ({
  ...EMPTY_CONF_STATE,
  voters: foundingVoters.toSorted((a, b) => a - b),
});

/**
 * The log as the core should see it: with the membership of the state (that of the founders as long as nothing is
 * applied), and with a commit index that covers what the state has applied (the stored one need not be current).
 */
export function storageForCore(log: LogStore, state: StateStore, founders: ConfState): LogStorage {
  return {
    initialState: () => {
      const { hardState } = log.initialState();
      const isNew = state.appliedIndex === 0 && !lacksState(log, state);
      const known = lacksState(log, state) ? EMPTY_CONF_STATE : state.confState;
      const confState = isNew ? founders : known;
      return { hardState: { ...hardState, commit: maxIndex(hardState.commit, state.appliedIndex) }, confState };
    },
    entries: (lo, hi, maxBytes) => log.entries(lo, hi, maxBytes),
    term: (index) => log.term(index),
    firstIndex: () => log.firstIndex(),
    lastIndex: () => log.lastIndex(),
    snapshot: () => log.snapshot(),
  };
}
