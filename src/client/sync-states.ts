/**
 * How a device stands towards its cluster, as people are told of it. Every state answers every event, so the table is
 * total by its type.
 *
 * 1. `live` is reached only through `connected`: whatever is acknowledged from then on is shown.
 * 2. What keeps a person from reading or writing at all (`ended`) is left only by `start`.
 * 3. `offline` is the browser's word and not a node's: nodes are tried all the same, and one that answers ends it.
 */
export type SyncState = 'idle' | 'connecting' | 'live' | 'reconnecting' | 'offline' | 'ended';
export type SyncEvent = 'start' | 'connected' | 'disconnected' | 'networkLost' | 'networkBack' | 'refused' | 'stop';

const TABLE: Readonly<Record<SyncState, Readonly<Record<SyncEvent, SyncState>>>> = {
  idle: {
    start: 'connecting',
    connected: 'idle',
    disconnected: 'idle',
    networkLost: 'idle',
    networkBack: 'idle',
    refused: 'idle',
    stop: 'idle',
  },
  connecting: {
    start: 'connecting',
    connected: 'live',
    disconnected: 'connecting',
    networkLost: 'offline',
    networkBack: 'connecting',
    refused: 'ended',
    stop: 'idle',
  },
  live: {
    start: 'live',
    connected: 'live',
    disconnected: 'reconnecting',
    networkLost: 'offline',
    networkBack: 'live',
    refused: 'ended',
    stop: 'idle',
  },
  reconnecting: {
    start: 'reconnecting',
    connected: 'live',
    disconnected: 'reconnecting',
    networkLost: 'offline',
    networkBack: 'reconnecting',
    refused: 'ended',
    stop: 'idle',
  },
  offline: {
    start: 'offline',
    connected: 'live',
    disconnected: 'offline',
    networkLost: 'offline',
    networkBack: 'reconnecting',
    refused: 'ended',
    stop: 'idle',
  },
  ended: {
    start: 'connecting',
    connected: 'ended',
    disconnected: 'ended',
    networkLost: 'ended',
    networkBack: 'ended',
    refused: 'ended',
    stop: 'idle',
  },
};

export function nextSyncState(state: SyncState, event: SyncEvent): SyncState {
  return TABLE[state][event];
}
