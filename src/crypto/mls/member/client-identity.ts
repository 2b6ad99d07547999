import { generateKemKeyPair } from '../../kem.ts';
import { MLS_10 } from '../cipher-suite.ts';
import { keyPackageRef, keyPackageTbs } from '../key-package.ts';
import { leafNodeTbs } from '../leaf-node.ts';
import { signWithLabel } from './labelled-crypto.ts';
import type { SigningKeyPair } from '../../ed25519.ts';
import type { RandomBytes } from '../../random.ts';
import type { KemKeyPair } from '../../kem.ts';
import type { Capabilities } from '../capabilities.ts';
import type { Credential } from '../credential.ts';
import type { Extension } from '../extension.ts';
import type { KeyPackage } from '../key-package.ts';
import type { LeafNode, LeafNodeSource, LeafPlace, Lifetime } from '../leaf-node.ts';
import type { MemberSuite } from './primitives.ts';

/** What a client puts into its leaves. */
export interface ClientIdentity {
  readonly signingKey: SigningKeyPair;
  readonly credential: Credential;
  readonly capabilities: Capabilities;
  readonly leafExtensions: readonly Extension[];
}

const NO_PLACE: LeafPlace = { groupId: new Uint8Array(0), leafIndex: 0 };

/** A signed leaf (RFC 9420 section 7.2). @param place ignored for the source `key_package` */
export function createLeafNode(
  suite: MemberSuite,
  identity: ClientIdentity,
  leaf: { readonly encryptionKey: Uint8Array; readonly source: LeafNodeSource },
  place: LeafPlace = NO_PLACE,
): LeafNode {
  const unsigned = {
    ...leaf,
    signatureKey: identity.signingKey.publicKey,
    credential: identity.credential,
    capabilities: identity.capabilities,
    extensions: identity.leafExtensions,
  };
  const tbs = leafNodeTbs(unsigned, place);
  return { ...unsigned, signature: signWithLabel(suite, identity.signingKey.secretKey, 'LeafNodeTBS', tbs) };
}

/** A key package with the private keys that its owner keeps until it is used. */
export interface KeyPackageBundle {
  readonly keyPackage: KeyPackage;
  readonly ref: Uint8Array;
  readonly initKeyPair: KemKeyPair;
  readonly encryptionKeyPair: KemKeyPair;
}

/** RFC 9420 section 10. */
export function createKeyPackage(
  suite: MemberSuite,
  identity: ClientIdentity,
  options: { readonly lifetime: Lifetime; readonly extensions?: readonly Extension[] },
  random: RandomBytes,
): KeyPackageBundle {
  const initKeyPair = generateKemKeyPair(suite.kem, random);
  const encryptionKeyPair = generateKemKeyPair(suite.kem, random);
  const source = { type: 'key_package', lifetime: options.lifetime } as const;
  const unsigned = {
    version: MLS_10,
    cipherSuite: suite.id,
    initKey: initKeyPair.publicKey,
    leafNode: createLeafNode(suite, identity, { encryptionKey: encryptionKeyPair.publicKey, source }),
    extensions: options.extensions ?? [],
  };
  const { secretKey } = identity.signingKey;
  const signature = signWithLabel(suite, secretKey, 'KeyPackageTBS', keyPackageTbs(unsigned));
  const keyPackage = { ...unsigned, signature };
  return { keyPackage, ref: keyPackageRef(suite, keyPackage), initKeyPair, encryptionKeyPair };
}
