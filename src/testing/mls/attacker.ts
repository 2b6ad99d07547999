import { equalBytes } from '../../crypto/bytes.ts';
import { HASH_BYTES } from '../../crypto/hkdf.ts';
import { writeGroupContext } from '../../crypto/mls/group-context.ts';
import { confirmationTag, epochSecrets, externalKeyPair, joinerSecret } from '../../crypto/mls/member/key-schedule.ts';
import { decryptWithLabel, openExternalInit } from '../../crypto/mls/member/labelled-crypto.ts';
import { derivePath } from '../../crypto/mls/member/tree-kem.ts';
import { encode } from '../../crypto/mls/tls-writer.ts';
import type { AppliedCommit } from '../../crypto/mls/applied-commit.ts';
import type { EpochState } from '../../crypto/mls/member/epoch-state.ts';
import type { EpochSecrets } from '../../crypto/mls/member/key-schedule.ts';
import type { MemberSuite } from '../../crypto/mls/member/primitives.ts';
import type { KemKeyPair } from '../../crypto/kem.ts';

type Known = Pick<EpochSecrets, 'initSecret' | 'externalSecret'>;

/**
 * Somebody who knows a member's state of some moment, sees everything that travels, forgets nothing, and tries every
 * key on every ciphertext: what a removed member, or a passive thief of a device's state, can do.
 */
export class Attacker {
  readonly #suite: MemberSuite;
  readonly #keyPairs: KemKeyPair[];
  /** Of every epoch that was derived so far. */
  readonly #epochs: Known[];

  constructor(suite: MemberSuite, stolen: EpochState) {
    this.#suite = suite;
    this.#keyPairs = [...stolen.privateKeys.values(), ...stolen.pendingUpdates];
    this.#epochs = [stolen.secrets];
  }

  /** Whether the attacker can compute the epoch that this commit begins; if so, it goes on from there. */
  follow(applied: AppliedCommit): boolean {
    const { after } = applied.group;
    for (const commitSecret of this.#commitSecrets(applied)) {
      for (const initSecret of this.#initSecrets(applied)) {
        const joiner = joinerSecret(this.#suite, { initSecret, commitSecret }, after.context);
        const input = { joinerSecret: joiner, pskSecret: new Uint8Array(HASH_BYTES) };
        const secrets = epochSecrets(this.#suite, input, after.context);
        const tag = confirmationTag(this.#suite, secrets, after.context.confirmedTranscriptHash);
        if (!equalBytes(tag, after.confirmationTag)) continue;
        this.#epochs.push(secrets);
        return true;
      }
    }
    return false;
  }

  /** All zero, as without a path, and whatever any key gives for any ciphertext of the path. */
  #commitSecrets({ path, group, committer, provisionalContext }: AppliedCommit): Uint8Array[] {
    const candidates: Uint8Array[] = [new Uint8Array(HASH_BYTES)];
    const nodes = group.after.tree.filteredDirectPath(committer).map(({ node }) => node);
    const labelled = { label: 'UpdatePathNode', context: encode(writeGroupContext, provisionalContext) };
    for (const [i, { encryptedPathSecrets }] of (path?.nodes ?? []).entries()) {
      for (const ciphertext of encryptedPathSecrets) {
        for (const keyPair of this.#keyPairs) {
          const secret = decryptWithLabel(this.#suite, keyPair, labelled, ciphertext);
          if (secret === null) continue;
          const derived = derivePath(this.#suite, secret, nodes.slice(i));
          this.#keyPairs.push(...derived.secrets.map((step) => step.keyPair));
          candidates.push(derived.commitSecret);
          break;
        }
      }
    }
    return candidates;
  }

  /** Of every epoch it knows, and what the known external keys give for an external commit. */
  #initSecrets({ externalInit }: AppliedCommit): Uint8Array[] {
    const known = this.#epochs.slice(-3);
    if (externalInit === null) return known.map(({ initSecret }) => initSecret);
    return known.map((epoch) => openExternalInit(this.#suite, externalKeyPair(this.#suite, epoch), externalInit));
  }
}
