import type { LaggingPeer, NoLeaderReason, NotCommittingReason } from '../../consensus/status.ts';
import type { PeerId } from '../../consensus/types.ts';

/** What the core says about itself, in words for people. */

export interface ExplainContext {
  readonly nameOf: (peer: PeerId) => string;
  readonly tickMs: number;
}

const CAMPAIGN_REFUSALS = {
  'not-promotable': 'it may not stand for election: it does not vote, or is receiving a snapshot',
  repairing: 'it may not stand for election until it has again what it once acknowledged',
  'lacks-state': 'it may not stand for election before it has fetched a state in the place of its lost one',
  'unapplied-conf-change': 'it may not stand for election before it has applied a change of the membership',
} as const;

type InWords<Reason extends { readonly kind: string }, Text> = {
  readonly [K in Reason['kind']]: (reason: Extract<Reason, { kind: K }>, context: ExplainContext) => Text;
};

const NO_LEADER: InWords<NoLeaderReason, string> = {
  'not-a-member': () => 'it is no member of the cluster as far as it knows',
  learner: () => 'it only learns, and waits for the others to elect a leader',
  'waiting-for-timeout': ({ ticksLeft }, { tickMs }) =>
    `it stands for election in ${ticksLeft * tickMs} ms unless it hears a leader`,
  'campaign-refused': ({ reason }) => CAMPAIGN_REFUSALS[reason],
  'votes-missing': ({ granted, refused, silent }, { nameOf }) => {
    const said = [
      ['granted by', granted],
      ['refused by', refused],
      ['no answer from', silent],
    ] as const;
    const parts = said.flatMap(([what, peers]) => (peers.length === 0 ? [] : [`${what} ${names(peers, nameOf)}`]));
    return `it asks for votes: ${parts.join(', ')}`;
  },
};

const NOT_COMMITTING: InWords<NotCommittingReason, string | null> = {
  'no-leader': () => null,
  'not-leader': () => null,
  'no-entry-of-this-term-committed': (reason, { nameOf }) =>
    `it has not committed anything since it was elected: ${lagging(reason.lagging, nameOf)}`,
  'majority-behind': (reason, { nameOf }) => `it waits for acknowledgements: ${lagging(reason.lagging, nameOf)}`,
  'leader-not-a-member': () => 'it was removed, and leads until another is elected',
  'transfer-in-progress': ({ to }, { nameOf }) => `it is handing leadership to ${nameOf(to)}`,
  'state-machine-behind': ({ bytes }) => `it applies what is committed too slowly: ${bytes} bytes wait`,
};

export const whyNoLeader = (reason: NoLeaderReason, context: ExplainContext): string =>
  NO_LEADER[reason.kind](reason as never, context);

/** Null when it is no matter of this node. */
export const whyNotCommitting = (reason: NotCommittingReason, context: ExplainContext): string | null =>
  NOT_COMMITTING[reason.kind](reason as never, context);

const WAITING_FOR: { readonly [W in LaggingPeer['waitingFor']]: string } = {
  'own-disk': 'its own disk',
  'probe-answer': 'an answer that tells how far its log goes',
  snapshot: 'a snapshot to arrive',
  'inflight-window': 'earlier entries to be acknowledged',
  acknowledgement: 'an acknowledgement',
  contact: 'any sign of life',
};

const lagging = (peers: readonly LaggingPeer[], nameOf: ExplainContext['nameOf']): string =>
  peers.map(({ id, waitingFor }) => `${nameOf(id)} (waiting for ${WAITING_FOR[waitingFor]})`).join(', ');

const names = (peers: readonly PeerId[], nameOf: ExplainContext['nameOf']): string => peers.map(nameOf).join(', ');
