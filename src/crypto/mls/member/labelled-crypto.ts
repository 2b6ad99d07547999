import { utf8ToBytes } from '@noble/hashes/utils.js';
import { HASH_BYTES } from '../../hkdf.ts';
import { setupBaseR, setupBaseS } from '../../hpke.ts';
import { signContent } from '../cipher-suite.ts';
import { MlsError } from '../error.ts';
import { encode } from '../tls-writer.ts';
import type { RandomBytes } from '../../random.ts';
import type { KemKeyPair } from '../../kem.ts';
import type { HpkeCiphertext } from '../update-path.ts';
import type { MemberSuite } from './primitives.ts';

const EMPTY = new Uint8Array(0);

/** Label and context of a derivation or encryption; the label without "MLS 1.0 ". */
export interface LabelledContext {
  readonly label: string;
  readonly context: Uint8Array;
}

/** RFC 9420 section 8. @param length in bytes */
export function expandWithLabel(
  { hkdf }: Pick<MemberSuite, 'hkdf'>,
  secret: Uint8Array,
  { label, context }: LabelledContext,
  length: number = HASH_BYTES,
): Uint8Array {
  const info = encode((writer) => writer.uint16(length).opaque(`MLS 1.0 ${label}`).opaque(context), null);
  return hkdf.expand(secret, info, length);
}

/** RFC 9420 section 8. */
export function deriveSecret(suite: Pick<MemberSuite, 'hkdf'>, secret: Uint8Array, label: string): Uint8Array {
  return expandWithLabel(suite, secret, { label, context: EMPTY });
}

/** RFC 9420 section 5.1.2. @param secretKey the 32-byte seed */
export function signWithLabel(
  { ed25519 }: Pick<MemberSuite, 'ed25519'>,
  secretKey: Uint8Array,
  label: string,
  content: Uint8Array,
): Uint8Array {
  return ed25519.sign(secretKey, signContent(label, content));
}

/** RFC 9420 section 5.1.3. @throws MlsError (`bad_tree`) when nothing can be encrypted to the key */
export function encryptWithLabel(
  suite: MemberSuite,
  publicKey: Uint8Array,
  { label, context }: LabelledContext,
  plaintext: Uint8Array,
  random: RandomBytes,
): HpkeCiphertext {
  const sender = setupBaseS(publicKey, encryptContext(label, context), random, suite.hpke);
  if (sender === null) throw new MlsError('bad_tree', 'Nothing can be encrypted to a public key.');
  return { kemOutput: sender.enc, ciphertext: sender.context.seal(plaintext, EMPTY) };
}

/** RFC 9420 section 5.1.3. @returns null for anything that was not encrypted to this key with this context */
export function decryptWithLabel(
  suite: MemberSuite,
  keyPair: KemKeyPair,
  { label, context }: LabelledContext,
  { kemOutput, ciphertext }: HpkeCiphertext,
): Uint8Array | null {
  const receiver = setupBaseR(kemOutput, keyPair, encryptContext(label, context), suite.hpke);
  return receiver === null ? null : receiver.open(ciphertext, EMPTY);
}

const EXTERNAL_INIT_LABEL = utf8ToBytes('MLS 1.0 external init secret');

/** RFC 9420 section 8.3, the joiner's side. */
export function createExternalInit(
  suite: MemberSuite,
  externalPub: Uint8Array,
  random: RandomBytes,
): { readonly kemOutput: Uint8Array; readonly initSecret: Uint8Array } {
  const sender = setupBaseS(externalPub, EMPTY, random, suite.hpke);
  if (sender === null) throw new MlsError('bad_group_info', 'Nothing can be encrypted to the external key.');
  return { kemOutput: sender.enc, initSecret: sender.context.export(EXTERNAL_INIT_LABEL, HASH_BYTES) };
}

/** RFC 9420 section 8.3, the members' side. @throws MlsError (`undecryptable`) */
export function openExternalInit(suite: MemberSuite, external: KemKeyPair, kemOutput: Uint8Array): Uint8Array {
  const receiver = setupBaseR(kemOutput, external, EMPTY, suite.hpke);
  if (receiver === null) throw new MlsError('undecryptable', 'The external init is of no use.');
  return receiver.export(EXTERNAL_INIT_LABEL, HASH_BYTES);
}

/** EncryptContext (section 5.1.3). */
function encryptContext(label: string, context: Uint8Array): Uint8Array {
  return signContent(label, context);
}
