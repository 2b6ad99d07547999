import { MlsError, verify } from '../error.ts';
import { createGroupInfo } from './group-info-builder.ts';
import { exportSecret } from './key-schedule.ts';
import { beginParts } from './member-parts.ts';
import { readMessage } from './read-message.ts';
import { writeApplicationMessage, writeCommitMessage, writeProposalMessage } from './write-message.ts';
import type { KemKeyPair } from '../../kem.ts';
import type { GroupInfo } from '../group-info.ts';
import type { MlsMessage } from '../mls-message.ts';
import type { Proposal } from '../proposal.ts';
import type { PublicGroup } from '../public-group.ts';
import type { NewEpoch } from './epoch-state.ts';
import type { GroupInfoOptions } from './group-info-builder.ts';
import type { MemberOptions, Stamp } from './member-options.ts';
import type { MemberParts } from './member-parts.ts';
import type { GroupEvent } from './read-message.ts';
import type { CommitRequest, OwnCommit } from './write-message.ts';

/**
 * A member of a group (RFC 9420). Takes the group's messages in the order of the log, each once. An own commit is
 * staged and takes effect when the log echoes it; if another one came first, it is dropped.
 *
 * Nothing that fails changes anything, with one exception: meeting an own message that this state did not make means
 * that the state is a copy. It is then discarded for good, since going on could use a key twice; the device joins again.
 */
export class MemberGroup {
  readonly #options: MemberOptions;
  #parts: MemberParts;
  #mustCatchUp: boolean;

  /** @param isRestored whether the parts were read back: then nothing is sent before `caughtUp` */
  constructor(options: MemberOptions, parts: MemberParts, isRestored = false) {
    this.#options = options;
    this.#parts = parts;
    this.#mustCatchUp = isRestored;
  }

  /** From a founded group, a welcome, or an own external commit that the log echoed. */
  static begin(options: MemberOptions, epoch: NewEpoch): MemberGroup {
    return new MemberGroup(options, beginParts(options, epoch));
  }

  get parts(): MemberParts {
    return this.#parts;
  }

  get group(): PublicGroup {
    return this.#parts.state.group;
  }

  get epoch(): bigint {
    return this.group.context.epoch;
  }

  get ownLeaf(): number {
    return this.#parts.state.ownLeaf;
  }

  /** Equal for all members of an epoch (RFC 9420 section 8.7). */
  get epochAuthenticator(): Uint8Array {
    return this.#parts.state.secrets.epochAuthenticator;
  }

  /** MLS-Exporter (RFC 9420 section 8.5). */
  exportSecret(purpose: {
    readonly label: string;
    readonly context: Uint8Array;
    readonly length?: number;
  }): Uint8Array {
    return exportSecret(this.#options.suite, this.#parts.state.secrets, purpose);
  }

  /** GroupInfo of the current epoch. */
  createGroupInfo(options: GroupInfoOptions): GroupInfo {
    return createGroupInfo(this.#options.suite, this.#parts.state, options);
  }

  /** The log was read up to its end after a restart: unknown own messages would have been met. */
  caughtUp(): void {
    this.#assertUsable();
    this.#mustCatchUp = false;
  }

  /** A proposal as a message of its own. @param keyPair of the leaf, for an Update. @throws MlsError */
  propose(proposal: Proposal, stamp: Stamp, keyPair: KemKeyPair | null = null): Uint8Array {
    this.#assertCanSend();
    const { parts, bytes } = writeProposalMessage(this.#with(stamp), proposal, keyPair);
    this.#parts = parts;
    return bytes;
  }

  /** Makes a commit and stages it in the place of any earlier one. @throws MlsError */
  commit(request: CommitRequest, stamp: Stamp): OwnCommit {
    this.#assertCanSend();
    const { parts, own } = writeCommitMessage(this.#with(stamp), request);
    this.#parts = parts;
    return own;
  }

  /** Gives up a staged commit that was never sent, or that the log refused. */
  dropStagedCommit(): void {
    this.#parts = { ...this.#parts, staged: null };
  }

  /** An application message, with the next reserved generation. @throws MlsError */
  encrypt(
    data: Uint8Array,
    extra: { readonly authenticatedData?: Uint8Array; readonly paddingBytes?: number } = {},
  ): Uint8Array {
    this.#assertCanSend();
    return writeApplicationMessage(this.#options, this.#parts, data, extra);
  }

  /** The next message of the log. @throws MlsError; then nothing has changed, unless the state is a copy */
  process(message: MlsMessage, stamp: Stamp): GroupEvent {
    this.#assertUsable();
    try {
      const { parts, event } = readMessage(this.#with(stamp), message);
      this.#parts = parts;
      return event;
    } catch (error) {
      const isCopy = error instanceof MlsError && error.code === 'restored_state';
      if (isCopy) this.#parts = { ...this.#parts, isDiscarded: true };
      throw error;
    }
  }

  #with(stamp: Stamp): { readonly options: MemberOptions; readonly parts: MemberParts; readonly stamp: Stamp } {
    return { options: this.#options, parts: this.#parts, stamp };
  }

  #assertUsable(): void {
    verify(!this.#parts.isDiscarded, 'bad_state', 'The state is of no use any more; the device must join again.');
  }

  #assertCanSend(): void {
    this.#assertUsable();
    verify(!this.#mustCatchUp, 'bad_state', 'After a restart the log must be read to its end first.');
    verify(this.group.reinit === null, 'bad_state', 'The group was closed by a ReInit.');
  }
}
