import type { ConfState } from '../../consensus/types.ts';
import type { NodeName } from '../../protocol/ids.ts';
import { foundingPeers } from '../peer-directory.ts';
import { confStateOf } from '../raft/recovery.ts';
import type { OpenedStore } from '../store/node-store.ts';
import type { MemberDirectory } from './member-directory.ts';
import { isVoter } from './member-table.ts';

export interface KnownMember {
  readonly id: NodeName;
  readonly voter: boolean;
}

/** Who is in the cluster, as far as one node has applied the log. */
export class KnownMembers {
  readonly #self: NodeName;
  /** Names of the founders. */
  readonly #peers: readonly NodeName[];
  readonly #store: OpenedStore;
  readonly #directory: MemberDirectory;

  constructor(
    config: { readonly name: NodeName; readonly peers: readonly NodeName[] },
    store: OpenedStore,
    directory: MemberDirectory,
  ) {
    this.#self = config.name;
    this.#peers = config.peers;
    this.#store = store;
    this.#directory = directory;
  }

  confState(): ConfState {
    const store = this.#store;
    if (store.kind === 'intact' && store.state.appliedIndex > 0) return store.state.confState;
    return confStateOf((store.manifest?.peers ?? foundingPeers(this.#peers)).map((founder) => founder.peerId));
  }

  /** Each name once, for its newest incarnation. */
  nodes(): readonly KnownMember[] {
    if (this.#store.manifest === undefined) return this.#peers.map((id) => ({ id, voter: true }));
    const confState = this.confState();
    const names = [...new Set(this.#directory.table.members.map(({ name }) => name))].toSorted();
    return names.map((id) => ({ id, voter: isVoter(confState, this.#directory.peerOf(id)!) }));
  }

  otherVoters(): NodeName[] {
    return this.nodes().flatMap(({ id, voter }) => (voter && id !== this.#self ? [id] : []));
  }

  /** Someone who is not in yet cannot know; someone who was, and applied the change that took it out, does. */
  wasRemoved(): boolean {
    const { kind, manifest } = this.#store;
    if (kind === 'damaged' || manifest === undefined) return false;
    return !this.#directory.table.members.some(({ peer }) => peer === manifest.peerId);
  }
}
