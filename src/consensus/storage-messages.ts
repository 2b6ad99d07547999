import { makeMessage, MessageType, type Message } from './message.ts';
import type { Raft } from './raft.ts';
import { APPEND_THREAD, APPLY_THREAD, ZERO_TERM, type Entry, type HardState, type Snapshot } from './types.ts';

/**
 * Messages to and from the local storage. They bring what is to be written or applied, and carry the
 * answers to deliver afterwards; whoever executes them need not understand the answers.
 */

/** What one `Ready` asks to be made durable. */
export interface Writes {
  readonly hardState: HardState | undefined;
  readonly entries: readonly Entry[];
  readonly snapshot: Snapshot | undefined;
}

/** Whether there is anything to write, or any answer that has to wait for earlier writes. */
export const needsAppend = (raft: Raft, { hardState, entries, snapshot }: Writes): boolean =>
  entries.length > 0 || hardState !== undefined || snapshot !== undefined || raft.messagesAfterAppend.length > 0;

export const storageAppend = (raft: Raft, writes: Writes): Message => {
  const responses = raft.messagesAfterAppend;
  const acknowledgement = storageAppendResp(raft, writes.snapshot);
  return makeMessage(MessageType.storageAppend, {
    to: APPEND_THREAD,
    from: raft.id,
    ...writes.hardState,
    entries: writes.entries,
    snapshot: writes.snapshot,
    // The answers come first: a leader's own acknowledgement looks up terms that are cheaper to find
    // as long as the entries still count as unstable.
    responses: acknowledgement === undefined ? responses : [...responses, acknowledgement],
  });
};

/**
 * Tells this peer that everything handed out so far is on disk; `undefined` when it need not know.
 *
 * The answer bears the present term, and is void once the term has changed. Otherwise, entries could
 * be taken for stored that are about to be replaced: B is sent entries by A, then other ones at the
 * same indexes by C in a newer term, then those of A again in a still newer one, all three being
 * written behind each other. When the first write is done, the entries look like the latest ones, but
 * the second write is yet to replace them and the third to bring them back.
 *
 * So that voided answers cannot leave entries unstable for ever, every later write attests to the
 * whole log again, not only to what it brings itself; and a change of term always causes a write.
 */
export const storageAppendResp = (raft: Raft, snapshot: Snapshot | undefined): Message | undefined => {
  const { log } = raft;
  if (!log.hasUnstableEntries && snapshot === undefined) return undefined;
  const last = log.hasUnstableEntries ? log.lastEntryId() : undefined;
  return makeMessage(MessageType.storageAppendResp, {
    to: raft.id,
    from: APPEND_THREAD,
    term: raft.term,
    ...(last && { index: last.index, logTerm: last.term }),
    snapshot,
  });
};

/** Committed entries belong to no term: whoever leads, they stay what they are. */
export const storageApply = (raft: Raft, entries: readonly Entry[]): Message =>
  makeMessage(MessageType.storageApply, {
    to: APPLY_THREAD,
    from: raft.id,
    term: ZERO_TERM,
    entries,
    responses: [storageApplyResp(raft, entries)],
  });

export const storageApplyResp = (raft: Raft, entries: readonly Entry[]): Message =>
  makeMessage(MessageType.storageApplyResp, {
    to: raft.id,
    from: APPLY_THREAD,
    term: ZERO_TERM,
    entries,
  });
