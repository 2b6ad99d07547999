import { RawNode } from '../../consensus/raw-node.ts';
import { leaseSlackTicks } from './lease-guard.ts';
import { confStateOf, lacksState, storageForCore } from './recovery.ts';
import type { RaftEvent } from '../../consensus/events.ts';
import type { PeerId } from '../../consensus/types.ts';
import type { RaftPeerConfig, RaftPorts } from './raft-peer-types.ts';
import type { RaftSettings } from './raft-settings.ts';

export interface CoreParts {
  readonly id: PeerId;
  readonly ports: Pick<RaftPorts<unknown, unknown>, 'log' | 'state' | 'random'>;
  readonly foundingVoters: RaftPeerConfig['foundingVoters'];
  readonly settings: RaftSettings;
  readonly onEvent: (event: RaftEvent) => void;
}

/** The consensus core as a node runs it, on the log and state it has. */
export function buildCore({ id, ports, foundingVoters, settings, onEvent }: CoreParts): RawNode {
  const { log, state, random } = ports;
  return new RawNode({
    id,
    storage: storageForCore(log, state, confStateOf(foundingVoters)),
    applied: state.appliedIndex,
    repair: log.repair,
    lacksState: lacksState(log, state),
    random,
    electionTicks: settings.electionTicks,
    heartbeatTicks: settings.heartbeatTicks,
    asyncStorageWrites: true,
    maxBytesPerMessage: settings.messageBytesMax,
    maxCommittedBytesPerReady: settings.unappliedBytesMax,
    maxUncommittedBytes: settings.uncommittedBytesMax,
    maxInflightMessages: settings.inflightMessagesMax,
    maxInflightBytes: settings.inflightBytesMax,
    checkQuorum: true,
    preVote: true,
    // A hint makes a follower break the promise that leases rest on.
    hintVotes: settings.reads !== 'lease',
    readOnlyOption: settings.reads === 'lease' ? 'lease' : 'safe',
    leaseSlackTicks: leaseSlackTicks(settings),
    disableProposalForwarding: true,
    stepDownOnRemoval: true,
    onEvent,
  });
}
