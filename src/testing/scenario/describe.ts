import { decodeConfChange } from '../../consensus/membership/conf-change-codec.ts';
import { stepsOf } from '../../consensus/membership/conf-change.ts';
import type { Message } from '../../consensus/message.ts';
import type { Ready, SoftState } from '../../consensus/ready.ts';
import type { PeerProgress, ProgressState } from '../../consensus/status.ts';
import {
  APPEND_THREAD,
  APPLY_THREAD,
  ConfChangeKind,
  EntryType,
  NO_PEER,
  RaftRole,
  type ConfState,
  type Entry,
  type HardState,
  type PeerId,
  type Snapshot,
} from '../../consensus/types.ts';
import { quote } from './quote.ts';

/** The notation of scenario files for everything the core hands out. */

export const ROLE_NAMES: Readonly<Record<RaftRole, string>> = {
  [RaftRole.follower]: 'StateFollower',
  [RaftRole.preCandidate]: 'StatePreCandidate',
  [RaftRole.candidate]: 'StateCandidate',
  [RaftRole.leader]: 'StateLeader',
};

const PROGRESS_NAMES: Readonly<Record<ProgressState, string>> = {
  probe: 'StateProbe',
  replicate: 'StateReplicate',
  snapshot: 'StateSnapshot',
};

const ENTRY_NAMES: Readonly<Record<EntryType, string>> = {
  [EntryType.normal]: 'EntryNormal',
  [EntryType.confChange]: 'EntryConfChange',
  [EntryType.confChangeV2]: 'EntryConfChangeV2',
};

const STEP_LETTERS: Readonly<Record<ConfChangeKind, string>> = {
  [ConfChangeKind.addVoter]: 'v',
  [ConfChangeKind.addLearner]: 'l',
  [ConfChangeKind.remove]: 'r',
  [ConfChangeKind.update]: 'u',
};

const target = (id: PeerId): string => {
  switch (id) {
    case NO_PEER:
      return 'None';
    case APPEND_THREAD:
      return 'AppendThread';
    case APPLY_THREAD:
      return 'ApplyThread';
    default:
      return id.toString(16);
  }
};

export const describeHardState = ({ term, vote, commit }: HardState): string =>
  `Term:${term}${vote === NO_PEER ? '' : ` Vote:${vote}`} Commit:${commit}`;

export const describeSoftState = ({ leader, role }: SoftState): string => `Lead:${leader} State:${ROLE_NAMES[role]}`;

const list = (ids: readonly PeerId[]): string => `[${ids.join(' ')}]`;

export const describeConfState = (state: ConfState): string =>
  `Voters:${list(state.voters)} VotersOutgoing:${list(state.votersOutgoing)} ` +
  `Learners:${list(state.learners)} LearnersNext:${list(state.learnersNext)} AutoLeave:${state.autoLeave}`;

const describeSnapshot = ({ metadata }: Snapshot): string =>
  `Index:${metadata.index} Term:${metadata.term} ConfState:${describeConfState(metadata.confState)}`;

const describeEntryData = (entry: Entry): string => {
  if (entry.type === EntryType.normal) return quote(entry.data);
  return stepsOf(decodeConfChange(entry))
    .map(({ kind, peer }) => `${STEP_LETTERS[kind]}${peer}`)
    .join(' ');
};

export const describeEntry = (entry: Entry): string => {
  const data = describeEntryData(entry);
  return `${entry.term}/${entry.index} ${ENTRY_NAMES[entry.type]}${data === '' ? '' : ` ${data}`}`;
};

export const describeEntries = (entries: readonly Entry[]): string =>
  entries.map((entry) => `${describeEntry(entry)}\n`).join('');

const describeMessageEntries = (entries: readonly Entry[], indent: string): string => {
  if (entries.length === 0) return '';
  if (entries.length === 1) return ` Entries:[${describeEntry(entries[0]!)}]`;
  const lines = entries.map((entry) => `\n${indent}  ${describeEntry(entry)}`);
  return ` Entries:[${lines.join('')}\n${indent}]`;
};

/** One message, over several lines when it carries much; `indent` begins each of them. */
export const describeMessage = (message: Message, indent = ''): string => {
  const { from, to, type, term, logTerm, index, commit, vote, snapshot, responses } = message;
  let text = `${indent}${target(from)}->${target(to)} ${type} Term:${term} Log:${logTerm}/${index}`;
  if (message.reject) text += ` Rejected (Hint: ${message.rejectHint})`;
  if (commit !== 0) text += ` Commit:${commit}`;
  if (vote !== NO_PEER) text += ` Vote:${vote}`;
  text += describeMessageEntries(message.entries, indent);
  if (snapshot !== undefined && snapshot.metadata.index !== 0) {
    text += `\n${indent}  Snapshot: ${describeSnapshot(snapshot)}`;
  }
  if (responses.length > 0) {
    const inner = responses.map((response) => `\n${describeMessage(response, `${indent}  `)}`);
    text += ` Responses:[${inner.join('')}\n${indent}]`;
  }
  return text;
};

export const describeReady = (ready: Ready): string => {
  let text = '';
  if (ready.softState !== undefined) text += `${describeSoftState(ready.softState)}\n`;
  if (ready.hardState !== undefined) text += `HardState ${describeHardState(ready.hardState)}\n`;
  if (ready.readStates.length > 0) {
    const states = ready.readStates.map(({ index, context }) => `{${index} [${context.join(' ')}]}`);
    text += `ReadStates [${states.join(' ')}]\n`;
  }
  if (ready.entries.length > 0) text += `Entries:\n${describeEntries(ready.entries)}`;
  if (ready.snapshot !== undefined) text += `Snapshot ${describeSnapshot(ready.snapshot)}\n`;
  if (ready.committedEntries.length > 0) {
    text += `CommittedEntries:\n${describeEntries(ready.committedEntries)}`;
  }
  if (ready.messages.length > 0) {
    text += `Messages:\n${ready.messages.map((message) => `${describeMessage(message)}\n`).join('')}`;
  }
  return text === '' ? '<empty Ready>' : `Ready MustSync=${ready.mustSync}:\n${text}`;
};

/** A set of voters as `(1 2 3)`, in hexadecimal. */
const voterSet = (ids: readonly PeerId[]): string => `(${ids.map((id) => id.toString(16)).join(' ')})`;

/** A configuration as `voters=(1 2)&&(1 3) learners=(4) learners_next=(3) autoleave`. */
export const describeConfig = (state: ConfState): string => {
  let text = `voters=${voterSet(state.voters)}`;
  if (state.votersOutgoing.length > 0) text += `&&${voterSet(state.votersOutgoing)}`;
  if (state.learners.length > 0) text += ` learners=${voterSet(state.learners)}`;
  if (state.learnersNext.length > 0) text += ` learners_next=${voterSet(state.learnersNext)}`;
  if (state.autoLeave) text += ' autoleave';
  return text;
};

const describeProgress = (progress: PeerProgress): string => {
  let text = `${PROGRESS_NAMES[progress.state]} match=${progress.match} next=${progress.next}`;
  if (progress.isLearner) text += ' learner';
  if (progress.paused) text += ' paused';
  if (progress.pendingSnapshot > 0) text += ` pendingSnap=${progress.pendingSnapshot}`;
  if (!progress.recentActive) text += ' inactive';
  if (progress.inflightMessages > 0) {
    text += ` inflight=${progress.inflightMessages}${progress.inflightsFull ? '[full]' : ''}`;
  }
  return text;
};

export const describeProgressList = (peers: readonly PeerProgress[]): string =>
  peers.map((progress) => `${progress.id}: ${describeProgress(progress)}\n`).join('');
