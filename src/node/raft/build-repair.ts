import type { NodeName } from '../../protocol/ids.ts';
import { EMPTY_BYTES, type LogIndex } from '../../consensus/types.ts';
import type { RaftDriver } from './raft-driver.ts';
import type { RaftPeerConfig, RaftPorts } from './raft-peer-types.ts';
import type { RaftSettings } from './raft-settings.ts';
import { lacksState } from './recovery.ts';
import { hasPoint } from './repair-server.ts';
import { SelfRepair } from './self-repair.ts';
import type { StagedSnapshot } from './snapshot-receiver.ts';
import type { Snapshots } from './snapshots.ts';

export interface RepairParts {
  readonly ports: Pick<RaftPorts<unknown, unknown>, 'log' | 'state' | 'transport' | 'directory' | 'clock'>;
  readonly config: Pick<RaftPeerConfig, 'self' | 'clusterId'>;
  readonly settings: RaftSettings;
  readonly driver: () => RaftDriver | undefined;
  readonly snapshots: Snapshots;
}

export function buildRepair(parts: RepairParts): SelfRepair {
  const { ports, config, settings, driver, snapshots } = parts;
  const { log, state, transport, directory, clock } = ports;
  return new SelfRepair({
    log,
    state,
    settings,
    monotonicMs: () => clock.monotonicMs(),
    others: () => othersIn(directory.table.members, config.self),
    peerOf: (name) => directory.peerOf(name),
    send: (to, kind, payload) => transport.send(to, kind, payload),
    restore: (restored) => {
      let isTaken = false;
      driver()?.inputNow((node) => (isTaken = node.restoreEntries(restored)));
      return isTaken;
    },
    receiver: snapshots,
    isInstalling: () => driver()?.installing ?? true,
    offer: (peer) => snapshots.offer(peer),
  });
}

const othersIn = (members: readonly { readonly name: NodeName }[], self: NodeName): readonly NodeName[] =>
  [...new Set(members.map(({ name }) => name))].filter((name) => name !== self);

export interface TakeStateEnv extends Pick<RepairParts, 'ports' | 'driver'> {
  readonly onInstalled: (index: LogIndex) => void;
  readonly onFatal: (error: unknown) => void;
}

/**
 * A state for a node that has lost its own, or a part of its log. Where that log continues it, it stays as it is, with
 * all that was acknowledged; otherwise it begins anew after the state.
 */
export function takeState({ ports, driver, onInstalled, onFatal }: TakeStateEnv, staged: StagedSnapshot): void {
  const { log, state } = ports;
  const { metadata, chainHash } = staged.header;
  if (!hasPoint(log, { index: metadata.index, hash: chainHash })) {
    driver()?.inputNow((node) => void node.restoreFromState({ metadata, data: EMPTY_BYTES }));
    return;
  }
  if (!lacksState(log, state)) return;
  staged.finish().then(() => {
    driver()?.inputNow((node) => void node.restoreState(metadata));
    staged.report(true);
    onInstalled(metadata.index);
  }, onFatal);
}
