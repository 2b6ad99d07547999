import { equalBytes } from '../../bytes.ts';
import { validateCommit, validateEpoch } from '../commit-validation.ts';
import { MlsError, verify } from '../error.ts';
import { writeMlsMessage } from '../mls-message.ts';
import { acceptProposal } from '../proposal-message.ts';
import { encode } from '../tls-writer.ts';
import { enterEpoch, environmentOf } from './member-parts.ts';
import { unprotectPublic } from './message-protection.ts';
import { processCommit } from './process-commit.ts';
import type { AppliedCommit } from '../applied-commit.ts';
import type { AuthenticatedContent } from '../authenticated-content.ts';
import type { MlsMessage } from '../mls-message.ts';
import type { PrivateMessage } from '../private-message.ts';
import type { MemberOptions, Stamp } from './member-options.ts';
import type { MemberParts, StagedCommit } from './member-parts.ts';

export type GroupEvent =
  | {
      readonly kind: 'application';
      readonly sender: number;
      readonly epoch: bigint;
      readonly generation: number;
      readonly data: Uint8Array;
      readonly authenticatedData: Uint8Array;
    }
  | { readonly kind: 'proposal' }
  | { readonly kind: 'commit'; readonly applied: AppliedCommit; readonly isOwn: boolean }
  /** This member is out: nothing more can be read or sent. */
  | { readonly kind: 'removed'; readonly applied: AppliedCommit }
  /** An own message that came back, or so it says (`OpenedMessage`). */
  | { readonly kind: 'own'; readonly generation: number };

export interface ReadResult {
  readonly parts: MemberParts;
  readonly event: GroupEvent;
}

interface Reading {
  readonly options: MemberOptions;
  readonly parts: MemberParts;
  readonly stamp: Stamp;
}

/** The next message of the log. @throws MlsError; then nothing has changed */
export function readMessage(reading: Reading, message: MlsMessage): ReadResult {
  const { options, parts } = reading;
  const { staged, state } = parts;
  if (staged !== null && equalBytes(options.suite.hash(encode(writeMlsMessage, message)), staged.hash)) {
    return mergeStaged(reading, staged);
  }
  if (message.format === 'private_message') return readPrivate(reading, message.message);
  verify(message.format === 'public_message', 'malformed', 'The message is not for a group.');
  validateEpoch(state.group, message.message.content);
  const key = { membershipKey: state.secrets.membershipKey, context: state.group.context };
  return readHandshake(reading, unprotectPublic(options.suite, message.message, key));
}

function readPrivate(reading: Reading, message: PrivateMessage): ReadResult {
  const { parts } = reading;
  const { context } = parts.state.group;
  verify(equalBytes(message.groupId, context.groupId), 'wrong_group', 'The message is of another group.');
  if (message.contentType !== 'application') validateEpoch(parts.state.group, message);
  verify(message.epoch <= context.epoch, 'future_epoch', `Epoch ${message.epoch} has not begun.`);
  const messages = [parts.current, ...parts.past].find(({ epoch }) => epoch === message.epoch);
  if (messages === undefined) throw new MlsError('stale_epoch', `Epoch ${message.epoch} is over.`);
  const opened = messages.open(message);
  if (opened.kind === 'own') {
    // Not the staged commit, and its key is gone: forged by another member, or dropped here though it had been sent.
    verify(message.contentType !== 'commit', 'undecryptable', 'An own commit is not the staged one.');
    return { parts, event: { kind: 'own', generation: opened.generation } };
  }
  const { content, generation } = opened;
  const { sender, authenticatedData } = content.content;
  if (content.content.content.type !== 'application' || sender.type !== 'member') {
    return readHandshake(reading, content);
  }
  const { data } = content.content.content;
  const from = { sender: sender.leafIndex, epoch: message.epoch, generation };
  return { parts, event: { kind: 'application', ...from, data, authenticatedData } };
}

/** A proposal or commit whose membership tag or encryption was checked. */
function readHandshake({ options, parts, stamp }: Reading, message: AuthenticatedContent): ReadResult {
  const { state } = parts;
  const environment = environmentOf(options, parts, stamp);
  const { content, sender } = message.content;
  if (content.type === 'proposal') {
    const group = acceptProposal(state.group, message, environment.validation);
    return { parts: { ...parts, state: { ...state, group } }, event: { kind: 'proposal' } };
  }
  if (sender.type === 'member' && sender.leafIndex === state.ownLeaf) {
    // Only a valid signature proves that another copy of this state is alive; anybody could send garbage.
    validateCommit(state.group, message, environment.validation);
    throw new MlsError('restored_state', 'An own commit was not made by this state.');
  }
  const { applied, next } = processCommit(state, message, environment);
  if (next === null)
    return { parts: { ...parts, staged: null, isDiscarded: true }, event: { kind: 'removed', applied } };
  return { parts: enterEpoch(options, parts, next), event: { kind: 'commit', applied, isOwn: false } };
}

/** The own commit came back. It is validated again: by the stamp and the rules that everybody else goes by. */
function mergeStaged({ options, parts, stamp }: Reading, staged: StagedCommit): ReadResult {
  const { state } = parts;
  const applied = validateCommit(state.group, staged.message, environmentOf(options, parts, stamp).validation);
  const { encryptionSecret, ...secrets } = staged.secrets;
  const { privateKeys } = staged;
  const next = { ...state, group: applied.group.after, secrets, privateKeys, pendingUpdates: [] };
  const after = enterEpoch(options, parts, { state: next, encryptionSecret });
  return { parts: after, event: { kind: 'commit', applied, isOwn: true } };
}
