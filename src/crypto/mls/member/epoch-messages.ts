import { hasValidContentSignature } from '../authenticated-content.ts';
import { MlsError, verify } from '../error.ts';
import { forwardTo } from './hash-ratchet.ts';
import { openPrivateContent, openSenderData, protectPrivate, ratchetTypeOf } from './message-protection.ts';
import { SecretTree } from './secret-tree.ts';
import type { AuthenticatedContent } from '../authenticated-content.ts';
import type { GroupContext } from '../group-context.ts';
import type { PrivateMessage } from '../private-message.ts';
import type { NewEpoch } from './epoch-state.ts';
import type { MemberSuite } from './primitives.ts';
import type { RatchetType } from './secret-tree.ts';

/** The own ratchets' counters: a message takes generation `next`, which must be below `reserved`. */
export interface OwnGenerations {
  next: number;
  /** Below this, generations are durably taken: after a restart none of them is used again. */
  reserved: number;
  /** What is being made durable; not less than `reserved`. */
  pending: number;
}

/** @param reserved as it was last made durable */
export function newGenerations(reserved: number): OwnGenerations {
  return { next: reserved, reserved, pending: reserved };
}

/** What is needed to read, and while it is the current one to write, the private messages of one epoch. */
export interface EpochMessagesInput {
  readonly context: GroupContext;
  readonly senderDataSecret: Uint8Array;
  readonly ownLeaf: number;
  /** By leaf index: the members of the epoch. */
  readonly signatureKeys: ReadonlyMap<number, Uint8Array>;
  readonly secretTree: SecretTree;
  readonly own: Readonly<Record<RatchetType, OwnGenerations>>;
}

export type OpenedMessage =
  | { readonly kind: 'content'; readonly content: AuthenticatedContent; readonly generation: number }
  /**
   * The own message with this generation, come back: by what it says, since its key is gone. Any member can forge it;
   * what counts as sent is for the client to know by what it sent.
   */
  | { readonly kind: 'own'; readonly generation: number };

/** RFC 9420 sections 6.3 and 9, for one epoch. */
export class EpochMessages {
  readonly #suite: MemberSuite;
  readonly input: EpochMessagesInput;

  constructor(suite: MemberSuite, input: EpochMessagesInput) {
    this.#suite = suite;
    this.input = input;
  }

  static begin(suite: MemberSuite, { state, encryptionSecret }: NewEpoch): EpochMessages {
    const { context, tree } = state.group;
    return new EpochMessages(suite, {
      context,
      senderDataSecret: state.secrets.senderDataSecret,
      ownLeaf: state.ownLeaf,
      signatureKeys: new Map([...tree.leaves()].map(([leafIndex, leaf]) => [leafIndex, leaf.signatureKey])),
      secretTree: SecretTree.of(suite, tree.leafCount, encryptionSecret),
      own: { handshake: newGenerations(0), application: newGenerations(0) },
    });
  }

  get epoch(): bigint {
    return this.input.context.epoch;
  }

  /**
   * Encrypts with the next own generation.
   * @param extra four fresh random bytes, and how many zero bytes to hide the length with
   * @throws MlsError (`generation_not_reserved`)
   */
  protect(
    content: Pick<AuthenticatedContent, 'content' | 'auth'>,
    extra: { readonly reuseGuard: Uint8Array; readonly paddingBytes: number },
  ): PrivateMessage {
    const { ownLeaf, senderDataSecret, secretTree } = this.input;
    const type = ratchetTypeOf({ contentType: content.content.content.type });
    const own = this.input.own[type];
    verify(own.next < own.reserved, 'generation_not_reserved', 'The next generation has not been made durable.');
    const generation = own.next;
    const { messageKey, consume } = secretTree.keyOf(ownLeaf, type, generation);
    consume();
    own.next++;
    return protectPrivate(this.#suite, content, { senderDataSecret, messageKey, generation, ...extra });
  }

  /**
   * Decrypts and checks the signature; only then is the key used up.
   * @throws MlsError (`restored_state` for an own message that this state did not make)
   */
  open(message: PrivateMessage): OpenedMessage {
    const { senderDataSecret, signatureKeys, ownLeaf, secretTree, context } = this.input;
    const senderData = openSenderData(this.#suite, message, senderDataSecret);
    const { leafIndex, generation } = senderData;
    const signatureKey = signatureKeys.get(leafIndex);
    if (signatureKey === undefined) throw new MlsError('bad_sender', `Leaf ${leafIndex} was no member.`);
    const type = ratchetTypeOf(message);
    const isOwn = leafIndex === ownLeaf;
    if (isOwn && generation < this.input.own[type].next) return { kind: 'own', generation };
    const { messageKey, consume } = secretTree.keyOf(leafIndex, type, generation);
    const content = openPrivateContent(this.#suite, message, senderData, messageKey);
    const isSigned = hasValidContentSignature(this.#suite, content, signatureKey, context);
    verify(isSigned, 'bad_signature', 'The signature of the message is not valid.');
    // Any member can name this leaf as the sender; only the signature proves that a copy of this state is alive.
    verify(!isOwn, 'restored_state', `The own message ${generation} was not made by this state.`);
    consume();
    return { kind: 'content', content, generation };
  }

  /** After a restart: goes on behind everything that was reserved, and forgets the keys before it. */
  skipReserved(): void {
    const { own, ownLeaf, secretTree } = this.input;
    if (own.application.reserved === 0 && own.handshake.reserved === 0) return;
    const ratchets = secretTree.ratchets(ownLeaf);
    secretTree.replace(ownLeaf, {
      handshake: forwardTo(this.#suite, ratchets.handshake, own.handshake.next),
      application: forwardTo(this.#suite, ratchets.application, own.application.next),
    });
  }
}
