import { utf8ToBytes } from '@noble/hashes/utils.js';
import { MlsError } from '../error.ts';
import { isInSubtree, isLeaf, left, nodeOfLeaf, right, root } from '../tree-math.ts';
import { newRatchet, takeKey } from './hash-ratchet.ts';
import { expandWithLabel } from './labelled-crypto.ts';
import type { HashRatchet, MessageKey } from './hash-ratchet.ts';
import type { MemberSuite } from './primitives.ts';

export type RatchetType = 'handshake' | 'application';

const EMPTY = new Uint8Array(0);

/** A leaf's two sender ratchets. */
export type LeafRatchets = Readonly<Record<RatchetType, HashRatchet>>;

/**
 * The secret tree of an epoch (RFC 9420 section 9). Secrets are derived when somebody's first message comes, and a
 * node's secret is forgotten as soon as its children's are there (section 9.2).
 */
export class SecretTree {
  readonly #suite: MemberSuite;
  readonly #secrets: Map<number, Uint8Array>;
  readonly #ratchets: Map<number, LeafRatchets>;
  /** The leaves whose ratchets changed since this was last emptied. */
  readonly changed = new Set<number>();
  /** Whether secrets of nodes were derived or used up since this was last reset. */
  hasNewSecrets = false;

  constructor(
    suite: MemberSuite,
    secrets: ReadonlyMap<number, Uint8Array>,
    ratchets: ReadonlyMap<number, LeafRatchets> = new Map(),
  ) {
    this.#suite = suite;
    this.#secrets = new Map(secrets);
    this.#ratchets = new Map(ratchets);
  }

  static of(suite: MemberSuite, leafCount: number, encryptionSecret: Uint8Array): SecretTree {
    return new SecretTree(suite, new Map([[root(leafCount), encryptionSecret]]));
  }

  /** The secrets that were not needed yet, by node. */
  get secrets(): ReadonlyMap<number, Uint8Array> {
    return this.#secrets;
  }

  /** @throws MlsError (`bad_sender`) for a leaf outside the tree */
  ratchets(leafIndex: number): LeafRatchets {
    const known = this.#ratchets.get(leafIndex);
    if (known !== undefined) return known;
    const secret = this.#takeLeafSecret(leafIndex);
    const derive = (label: string): HashRatchet =>
      newRatchet(expandWithLabel(this.#suite, secret, { label, context: EMPTY }));
    const ratchets = { handshake: derive('handshake'), application: derive('application') };
    this.#ratchets.set(leafIndex, ratchets);
    this.changed.add(leafIndex);
    return ratchets;
  }

  /**
   * The key of one message. It is gone once `consume` was called, which the caller does when the message was good.
   * @throws MlsError (`bad_sender`, `bad_generation`)
   */
  keyOf(
    leafIndex: number,
    type: RatchetType,
    generation: number,
  ): { readonly messageKey: MessageKey; readonly consume: () => void } {
    const ratchets = this.ratchets(leafIndex);
    const [messageKey, next] = takeKey(this.#suite, ratchets[type], generation);
    return { messageKey, consume: () => this.replace(leafIndex, { ...ratchets, [type]: next }) };
  }

  replace(leafIndex: number, ratchets: LeafRatchets): void {
    this.#ratchets.set(leafIndex, ratchets);
    this.changed.add(leafIndex);
  }

  #takeLeafSecret(leafIndex: number): Uint8Array {
    const target = nodeOfLeaf(leafIndex);
    const start = [...this.#secrets.keys()].find((candidate) => isInSubtree(target, candidate));
    if (start === undefined) throw new MlsError('bad_sender', `The secret tree has no leaf ${leafIndex}.`);
    let node: number = start;
    let secret = this.#secrets.get(node)!;
    this.#secrets.delete(node);
    this.hasNewSecrets = true;
    while (!isLeaf(node)) {
      const goesLeft = isInSubtree(target, left(node));
      this.#secrets.set(goesLeft ? right(node) : left(node), this.#childSecret(secret, !goesLeft));
      secret = this.#childSecret(secret, goesLeft);
      node = goesLeft ? left(node) : right(node);
    }
    return secret;
  }

  #childSecret(secret: Uint8Array, isLeft: boolean): Uint8Array {
    return expandWithLabel(this.#suite, secret, { label: 'tree', context: utf8ToBytes(isLeft ? 'left' : 'right') });
  }
}
