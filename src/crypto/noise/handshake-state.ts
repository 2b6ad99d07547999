import { concatBytes } from '@noble/hashes/utils.js';
import { AEAD_TAG_BYTES } from '../aead.ts';
import { sealingKeyPairOf } from '../x25519.ts';
import { SymmetricState } from './symmetric-state.ts';
import type { RandomBytes } from '../random.ts';
import type { SealingKeyPair } from '../x25519.ts';
import type { CipherState } from './cipher-state.ts';
import type { HandshakePattern, Token } from './handshake-pattern.ts';
import type { NoiseSuite } from './noise-suite.ts';

export interface HandshakeOptions {
  readonly suite: NoiseSuite;
  readonly pattern: HandshakePattern;
  readonly role: 'initiator' | 'responder';
  /** What both sides have to agree on beforehand (§6). */
  readonly prologue: Uint8Array;
  readonly static: SealingKeyPair;
  readonly remoteStatic: Uint8Array;
  /** 32 fresh bytes for each message with an ephemeral key. */
  readonly random: RandomBytes;
}

export const DH_BYTES = 32;

/**
 * One side of a handshake (Noise, revision 34, §5.3): the two take turns in writing and reading until `isFinished`,
 * then both split. Calling out of turn is the caller's mistake; a message that does not verify ends the handshake.
 */
export class HandshakeState {
  readonly #options: HandshakeOptions;
  readonly #symmetric: SymmetricState;
  #ephemeral: SealingKeyPair | undefined;
  #remoteEphemeral: Uint8Array | undefined;
  #next = 0;
  #failed = false;

  constructor(options: HandshakeOptions) {
    const { suite, pattern, prologue, role, static: own, remoteStatic } = options;
    this.#options = options;
    this.#symmetric = new SymmetricState(suite, `Noise_${pattern.name}_${suite.name}`);
    this.#symmetric.mixHash(prologue);
    // Pre-messages: the initiator's key first.
    const keys = [own.publicKey, remoteStatic];
    for (const key of role === 'initiator' ? keys : keys.toReversed()) this.#symmetric.mixHash(key);
  }

  get isFinished(): boolean {
    return this.#next >= this.#options.pattern.messages.length;
  }

  /** @returns null when the other's keys are of small order, so that nothing secret can be agreed on */
  writeMessage(payload: Uint8Array): Uint8Array | null {
    const parts: Uint8Array[] = [];
    for (const token of this.#begin('write')) {
      if (token === 'e') {
        const { suite, random } = this.#options;
        this.#ephemeral = sealingKeyPairOf(random(DH_BYTES), suite.x25519);
        this.#symmetric.mixHash(this.#ephemeral.publicKey);
        parts.push(this.#ephemeral.publicKey);
      } else if (!this.#mixAgreement(token)) return this.#fail();
    }
    parts.push(this.#symmetric.encryptAndHash(payload));
    return concatBytes(...parts);
  }

  /** @returns the payload, or null for what the holder of the other static key did not write in this handshake */
  readMessage(message: Uint8Array): Uint8Array | null {
    let rest = message;
    for (const token of this.#begin('read')) {
      if (token === 'e') {
        if (rest.length < DH_BYTES + AEAD_TAG_BYTES) return this.#fail();
        this.#remoteEphemeral = rest.slice(0, DH_BYTES);
        this.#symmetric.mixHash(this.#remoteEphemeral);
        rest = rest.subarray(DH_BYTES);
      } else if (!this.#mixAgreement(token)) return this.#fail();
    }
    return this.#symmetric.decryptAndHash(rest) ?? this.#fail();
  }

  /** The keys of both directions, as this side sees them. */
  split(): { readonly send: CipherState; readonly receive: CipherState } {
    this.#assertFinished();
    const [first, second] = this.#symmetric.split();
    return this.#options.role === 'initiator' ? { send: first, receive: second } : { send: second, receive: first };
  }

  get handshakeHash(): Uint8Array {
    return this.#symmetric.handshakeHash;
  }

  /** A further secret of both sides. */
  exportSecret(label: string): Uint8Array {
    this.#assertFinished();
    return this.#symmetric.exportSecret(label);
  }

  #begin(act: 'write' | 'read'): readonly Token[] {
    const { pattern, role } = this.#options;
    const tokens = pattern.messages[this.#next];
    const isWriter = (this.#next % 2 === 0) === (role === 'initiator');
    if (tokens === undefined || this.#failed || isWriter !== (act === 'write')) {
      throw new Error(`It is not the turn to ${act} in this handshake.`);
    }
    this.#next += 1;
    return tokens;
  }

  #mixAgreement(token: Exclude<Token, 'e'>): boolean {
    const { role, static: own, remoteStatic, suite } = this.#options;
    // The first letter is the initiator's key, the second the responder's.
    const [ownLetter, otherLetter] = role === 'initiator' ? [token[0], token[1]] : [token[1], token[0]];
    const secret = ownLetter === 'e' ? this.#ephemeral : own;
    const key = otherLetter === 'e' ? this.#remoteEphemeral : remoteStatic;
    if (secret === undefined || key === undefined) throw new Error(`The pattern has ${token} before its keys.`);
    const shared = suite.x25519.agree(secret.secretKey, key);
    if (shared !== null) this.#symmetric.mixKey(shared);
    return shared !== null;
  }

  #fail(): null {
    this.#failed = true;
    return null;
  }

  #assertFinished(): void {
    if (!this.isFinished || this.#failed) throw new Error('The handshake is not finished.');
  }
}
