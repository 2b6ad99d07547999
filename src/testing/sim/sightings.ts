import type { RaftEvent } from '../../consensus/events.ts';
import { MessageType, type Message } from '../../consensus/message.ts';
import { isJoint } from '../../consensus/quorum/joint.ts';
import { RaftRole, type ConfState, type LogIndex, type PeerId } from '../../consensus/types.ts';
import type { LogWrite } from '../../node/ports.ts';
import type { CoreView } from '../../node/raft/raft-driver.ts';
import type { Coverage } from './coverage.ts';
import type { SimNetwork } from './sim-network.ts';
import type { NodeNote, SimNode } from './sim-node.ts';
import type { StateImage } from './state-image.ts';

interface Seen {
  role: RaftRole;
  commit: number;
  /** The term of the leader for whose death it stood up. */
  hintTerm: number;
  /** What the last crash did to its log. */
  loss: 'torn' | 'lost' | undefined;
  /** The membership before the last change. */
  confState: ConfState | undefined;
  transferring: boolean;
  /** A snapshot was installed since the process began. */
  installed: boolean;
}

/** Tells the coverage table what came about. Checks nothing, changes nothing. */
export class Sightings {
  readonly #coverage: Coverage;
  readonly #network: SimNetwork;
  readonly #seen = new Map<SimNode, Seen>();
  #leaderTerm = 0;
  #leader: PeerId | undefined;
  /** For whom, and in which term, a node voted last that had not made up for what it lost. */
  #repairingVote: { readonly term: number; readonly candidate: PeerId } | undefined;
  snapshots = 0;

  constructor(coverage: Coverage, network: SimNetwork) {
    this.#coverage = coverage;
    this.#network = network;
  }

  #of(node: SimNode): Seen {
    let seen = this.#seen.get(node);
    if (seen === undefined) {
      seen = {
        role: RaftRole.follower,
        commit: 0,
        hintTerm: -1,
        loss: undefined,
        confState: undefined,
        transferring: false,
        installed: false,
      };
      this.#seen.set(node, seen);
    }
    return seen;
  }

  booted(node: SimNode): void {
    const seen = this.#of(node);
    if (seen.loss === 'torn') this.#coverage.note('restart with a torn write');
    if (seen.loss === 'lost') this.#coverage.note('restart without the last writes');
    this.#seen.delete(node);
  }

  accepting(node: SimNode, { entries, snapshot }: LogWrite): void {
    const first = entries[0];
    if (first !== undefined && first.index <= node.log.lastIndex) this.#coverage.note('uncommitted entries replaced');
    if (snapshot !== undefined && node.peer?.coreView === undefined) {
      this.#coverage.note('log restarted after a crash within an installation');
    }
  }

  sending(node: SimNode, { type, reject, to, term }: Message): void {
    if (type !== MessageType.voteResp || node.disk.repair === undefined) return;
    if (!reject) this.#repairingVote = { term, candidate: to };
    this.#coverage.note(reject ? 'vote refused by a node under repair' : 'vote of a node under repair');
  }

  viewed(node: SimNode, view: CoreView): void {
    const seen = this.#of(node);
    if (view.role === RaftRole.leader) {
      if (seen.role !== RaftRole.leader) this.#elected(node, seen, view.term);
      this.#noteOldTerms(node, seen.commit, view);
    }
    seen.role = view.role;
    seen.commit = view.commit;
  }

  #elected(node: SimNode, seen: Seen, term: number): void {
    if (term <= this.#leaderTerm) return;
    if (this.#leader !== undefined && this.#leader !== node.peerId) {
      this.#coverage.note('leader changed');
      if (isJoint(node.confState)) this.#coverage.note('leader changed in a joint configuration');
    }
    if (term > this.#leaderTerm + 1) this.#coverage.note('term without leader');
    if (seen.hintTerm === term - 1) this.#coverage.note('leader elected on a hint');
    if (this.#network.hasCuts) this.#coverage.note('leader elected while the network is cut');
    const { term: votedIn, candidate } = this.#repairingVote ?? {};
    if (votedIn === term && candidate === node.peerId) {
      this.#coverage.note('leader elected with the help of a node under repair');
    }
    this.#leaderTerm = term;
    this.#leader = node.peerId;
  }

  /** What an earlier leader left behind is committed with the first entry of this one. */
  #noteOldTerms(node: SimNode, before: number, { term, commit }: CoreView): void {
    if (commit === before) return;
    const oldTerm = node.log.term((before + 1) as LogIndex);
    if (typeof oldTerm === 'number' && oldTerm < term) this.#coverage.note('entries of an older term committed');
  }

  membershipChanged(node: SimNode): void {
    const seen = this.#of(node);
    const before = seen.confState ?? node.foundingConfState;
    const now = node.confState;
    seen.confState = now;
    const { peerId } = node;
    if (peerId === undefined) return;
    if (!isJoint(before) && isJoint(now)) this.#coverage.note('joint configuration entered');
    if (isJoint(before) && !isJoint(now)) {
      this.#coverage.note(
        before.autoLeave ? 'joint configuration left by itself' : 'joint configuration left on demand',
      );
    }
    const voted = before.voters.includes(peerId);
    if (before.learners.includes(peerId) && now.voters.includes(peerId)) this.#coverage.note('learner promoted');
    if (voted && now.learners.includes(peerId)) this.#coverage.note('voter demoted');
    if (voted && !isJoint(now) && !now.voters.includes(peerId) && seen.role === RaftRole.leader) {
      this.#coverage.note('leader removed itself');
    }
  }

  installed(node: SimNode, { confState, index }: StateImage): void {
    this.snapshots += 1;
    const seen = this.#of(node);
    seen.confState = confState;
    seen.installed = true;
    this.#coverage.note('snapshot installed');
    if (hasNoLeader(node)) this.#coverage.note('state fetched without a leader');
    if (this.#network.hasCuts) this.#coverage.note('snapshot installed while the network is cut');
    if (isJoint(confState)) this.#coverage.note('snapshot of a joint configuration installed');
    if (index <= node.log.lastIndex) this.#coverage.note('snapshot installed over a log that reaches further');
  }

  raftEvent(node: SimNode, event: RaftEvent): void {
    if (event.kind === 'hint-taken') this.#of(node).hintTerm = event.term;
    if (event.kind === 'transfer-started' && node.disk.isStalled) {
      this.#coverage.note('leadership handed over because of a stuck disk');
    }
    if (event.kind === 'campaign-started' && event.campaign === 'transfer') {
      this.#coverage.note('election on behalf of the old leader');
    }
    if (event.kind === 'repaired') {
      this.#coverage.note(this.#of(node).installed ? 'log repaired by a snapshot' : 'log repaired by entries');
      if (hasNoLeader(node)) this.#coverage.note('log repaired without a leader');
    }
    const name = EVENT_NAMES[event.kind];
    if (name !== undefined) this.#coverage.note('reason' in event ? `${name}: ${event.reason}` : name);
  }

  note(node: SimNode, what: NodeNote): void {
    if (what === 'torn' || what === 'lost') this.#of(node).loss = what;
    if (what === 'crash' && isJoint(node.confState)) this.#coverage.note('crash in a joint configuration');
    if (what === 'crash' && node.installing) this.#coverage.note('crash within an installation');
    const name = NOTE_NAMES[what];
    if (name !== undefined) this.#coverage.note(name);
  }
}

const hasNoLeader = (node: SimNode): boolean => node.peer?.view().leader === null;

const EVENT_NAMES: { readonly [K in RaftEvent['kind']]?: string } = {
  'vote-refused': 'vote refused',
  'campaign-refused': 'campaign refused',
  'conf-change-refused': 'change of members refused by the core',
  'message-ignored': 'message ignored',
  'hint-taken': 'hint taken',
  'hint-cancelled': 'hint cancelled by a sign of life',
  'read-from-lease': 'read answered from a lease',
  'quorum-lost': 'leader without a quorum stepped down',
  'append-rejected': 'append rejected',
  'snapshot-sent': 'snapshot sent',
  'snapshot-ignored': 'snapshot ignored',
  'snapshot-failed': 'snapshot given up',
  'transfer-started': 'transfer of leadership begun',
  'transfer-aborted': 'transfer of leadership aborted',
  'peer-restarted': 'progress of a restarted peer found out anew',
};

const NOTE_NAMES: { readonly [N in NodeNote]?: string } = {
  'crash-in-step': 'crash in the middle of a step',
  'disk-error': 'process ended by its disk',
  compacted: 'log compacted',
  stalled: 'event loop stalled',
  'rebuilt-state': 'damaged state made again from the log',
  damaged: 'node kept out that does not know what it promised',
  salvaged: 'log that fell short of its mark opened',
  refused: 'old copy found out',
  'begun-anew': 'log begun anew',
  rebased: 'damaged log begun where the state ends',
  'lacks-state': 'damaged state set aside, to be fetched',
};
